import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { testAuthority } from "../../src/testing.ts";
import { APP, byDrayage, expectFlaws, type Luggage, VISIT_TIMEOUT_MS } from "./support/both-clients.ts";
import { describeReal } from "./support/describe-real.ts";
import { ACCOUNT, type DockerRegistry, startDockerRegistry } from "./support/docker-registry.ts";
import { drayageOutput } from "./support/drayage.ts";
import { writeHome } from "./support/home.ts";
import { tagInLayout, writeImage } from "./support/images.ts";

/** Whether this machine has IPv6 at all. */
const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

const authority = testAuthority();

interface Row {
  readonly name: string;
  /** `HOST` stands for the registry. */
  readonly files: Readonly<Record<string, string>>;
  /** Another name under which it is asked for. */
  readonly host?: string;
  readonly flaw?: string;
}

const LOGIN = {
  ".docker/config.json": JSON.stringify({
    auths: { HOST: { auth: btoa(`${ACCOUNT.username}:${ACCOUNT.password}`) } },
  }),
};

const ROWS: readonly Row[] = [
  {
    name: "certs.d and docker's config name",
    files: { "certs/HOST/ca.crt": "@ca", ...LOGIN },
  },
  {
    name: "certs.d names",
    files: { "certs/HOST/ca.crt": "@ca" },
    flaw: "no basic auth credentials",
  },
  {
    name: "hosts.toml names",
    files: {
      "hosts/DIRECTORY/hosts.toml": 'server = "https://HOST"\nca = "ca.pem"\n',
      "hosts/DIRECTORY/ca.pem": "@ca",
      ...LOGIN,
    },
  },
  {
    name: "hosts.toml names and whose authority it does not know",
    files: { "hosts/DIRECTORY/hosts.toml": 'server = "https://HOST"\n', ...LOGIN },
    flaw: "certificate not trusted: unknown authority",
  },
  {
    name: "hosts.toml names as the place of another",
    host: "elsewhere.test",
    files: {
      "hosts/elsewhere.test/hosts.toml": '[host."https://HOST"]\nca = "ca.pem"\n',
      "hosts/elsewhere.test/ca.pem": "@ca",
      ...LOGIN,
    },
  },
];

describeReal("a registry at an IPv6 address", ["docker-registry"], () => {
  describe.skipIf(!hasIpv6)("which", () => {
    let folder: string;
    let registry: DockerRegistry;
    let luggage: Luggage;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      registry = await startDockerRegistry({ address: "::1", auth: true, tls: authority.issue(["::1"]) });
      const layout = join(folder, "layout");
      const newFolder = () => mkdtemp(join(folder, "folder-"));
      luggage = { root: await newFolder(), layout, newFolder };
      const { manifest } = await writeImage(layout, { layers: [{ bytes: 20_000 }] });
      await tagInLayout(layout, "app", manifest);
      await drayageOutput(["import", "--root", luggage.root, layout, "local:v1"]);
      const { env } = await homeWith(LOGIN);
      await drayageOutput(["push", "-q", "--root", luggage.root, "local:v1", `${registry.host}/${APP}`], {
        env,
      });
    });
    afterAll(async () => {
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function homeWith(files: Readonly<Record<string, string>>) {
      const directory = registry.host.replace(/:(\d+)$/, "_$1_");
      const named = (text: string) =>
        text.replaceAll("HOST", registry.host).replaceAll("DIRECTORY", directory);
      const own = Object.entries(files).map(([name, text]) => [named(name), named(text)]);
      const pem = { "@ca": authority.cert };
      return await writeHome(await luggage.newFolder(), { files: Object.fromEntries(own), pem, env: {} });
    }

    it.each(ROWS)(
      "$name is pulled from and pushed to",
      { timeout: VISIT_TIMEOUT_MS },
      async ({ files, host, flaw }) => {
        const home = await homeWith(files);
        const visit = { host: host ?? registry.host, home, env: home.env };
        const ours = await byDrayage(visit, luggage);
        expectFlaws(ours, [flaw, flaw]);
      },
    );
  });
});
