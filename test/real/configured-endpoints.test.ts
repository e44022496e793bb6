import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDistribution } from "../../src/index.ts";
import { parseDockerRef } from "../../src/reference/normalize.ts";
import { CREDENTIALS_ROWS } from "../registry/endpoints/rows/credentials-rows.ts";
import { DOCKER_ROWS } from "../registry/endpoints/rows/docker-rows.ts";
import { HOSTS_DIRECTORY_ROWS } from "../registry/endpoints/rows/hosts-directory-rows.ts";
import { HOSTS_TOML_ROWS } from "../registry/endpoints/rows/hosts-toml-rows.ts";
import { REGISTRIES_CONF_ROWS } from "../registry/endpoints/rows/registries-conf-rows.ts";
import type { Row } from "../registry/endpoints/rows/row.ts";
import { configuredFolder } from "../registry/support/configured-lookup.ts";
import { agrees } from "./support/agreement.ts";
import { type Containerd, canRunContainerd, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { type RecordingProxy, startRecordingProxy } from "./support/recording-proxy.ts";
import { partOutcome } from "./support/run-part.ts";

const HOSTS = [
  "quay.io eu.quay.io eu.west.quay.io ghcr.io docker.io registry-1.docker.io",
  "mirror.test other.test a.test b.test c.test d.test pull.test both.test resolve.test push.test untrusted.test",
  "internal.test long.test short.test first.test last.test h.test o.test",
].flatMap((names) => names.split(" "));

let folder: string;
let proxy: RecordingProxy;
let environment: Record<string, string>;

async function begin(challenges: boolean): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
  proxy = await startRecordingProxy({ hosts: HOSTS, challenges });
  const authorities = join(folder, "authorities.pem");
  await writeFile(authorities, proxy.authority);
  environment = {
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    NO_PROXY: "",
    SSL_CERT_FILE: authorities,
    SSL_CERT_DIR: join(folder, "none"),
  };
}

async function end(): Promise<void> {
  await proxy[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

/** What drayage asks with the files of a row. */
async function asked(row: Row, configured: string, options: object): Promise<readonly string[]> {
  const root = await mkdtemp(join(folder, "root-"));
  const isLoggedIn = Object.keys(row.files).some((path) => /^(?:auth|config)\.json$/.test(path));
  await using engine = await openDistribution({
    root,
    registry: options,
    ...(isLoggedIn && {
      credentials: { authFile: join(configured, "auth.json"), dockerConfigDir: configured },
    }),
    connection: {
      proxy: { httpProxy: proxy.url, httpsProxy: proxy.url },
      authorities: [proxy.authority],
    },
    backoff: { maxAttempts: 1 },
  });
  await engine.pull(row.reference).catch(() => {}); // nobody has it
  return proxy.taken();
}

/** Puts files where skopeo looks for them. */
async function skopeoHome(from: string): Promise<string> {
  const home = await mkdtemp(join(folder, "home-"));
  const containers = join(home, ".config", "containers");
  await mkdir(join(home, "containers"), { recursive: true });
  await mkdir(join(home, ".docker"), { recursive: true });
  const places: readonly (readonly [string, string])[] = [
    ["registries.conf", join(containers, "registries.conf")],
    ["registries.conf.d", join(containers, "registries.conf.d")],
    ["certs", join(containers, "certs.d")],
    ["auth.json", join(home, "containers", "auth.json")],
    ["config.json", join(home, ".docker", "config.json")],
  ];
  for (const [name, target] of places) {
    await cp(join(from, name), target, { recursive: true }).catch(() => {}); // it has no such file
  }
  return home;
}

describeReal("the same files", ["skopeo"], () => {
  describe.each([
    ["certs.d", DOCKER_ROWS, false],
    ["registries.conf", REGISTRIES_CONF_ROWS, false],
    ["credentials", CREDENTIALS_ROWS, true],
  ])("of %s", (_, rows, challenges) => {
    beforeAll(() => begin(challenges));
    afterAll(end);

    it.each(rows.filter(({ skopeo }) => skopeo !== undefined))("ask as skopeo: $name", async (row) => {
      await using configured = await configuredFolder(row);
      const ours = await asked(row, configured.folder, configured.options);
      const home = await skopeoHome(configured.folder);
      const reference = parseDockerRef(row.reference).toString();
      const env = {
        ...environment,
        HOME: home,
        XDG_CONFIG_HOME: join(home, ".config"),
        XDG_RUNTIME_DIR: home,
      };
      await partOutcome("skopeo", ["inspect", "--raw", `docker://${reference}`], { env });
      const theirs = proxy.taken();
      if (agrees(row.skopeo)) expect(ours).toEqual(theirs);
      else expect(ours).not.toEqual(theirs);
    });
  });
});

describeReal("the same directories", ["containerd", "ctr"], () => {
  describe.skipIf(!canRunContainerd)("of hosts.toml", () => {
    let containerd: Containerd;

    beforeAll(async () => {
      await begin(false);
      containerd = await startContainerd({ folder: join(folder, "containerd") });
    });

    afterAll(async () => {
      await containerd.stop();
      await end();
    });

    const rows = [...HOSTS_TOML_ROWS, ...HOSTS_DIRECTORY_ROWS].filter(({ ctr }) => ctr !== undefined);

    it.each(rows)("ask as ctr: $name", async (row) => {
      await using configured = await configuredFolder(row);
      const ours = await asked(row, configured.folder, configured.options);
      const hosts = ["--hosts-dir", join(configured.folder, "hosts")];
      // Not `images pull`: from 2.0 on that is the daemon's work, which is not in this environment.
      const words = ["--address", containerd.socket, "content", "fetch", ...hosts];
      const reference = parseDockerRef(row.reference).toString();
      await partOutcome("ctr", [...words, reference], { env: environment });
      const theirs = proxy.taken();
      if (agrees(row.ctr, containerd.version.major)) expect(ours).toEqual(theirs);
      else expect(ours).not.toEqual(theirs);
    });
  });
});
