import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { agrees } from "./support/agreement.ts";
import { type AuthorityRow, CERTS_DIRECTORY, COMMAND_LINES, HOSTS_TOML } from "./support/authority-rows.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayage, drayageOutput } from "./support/drayage.ts";
import { partOutcome } from "./support/run-part.ts";
import { APP, type Home, startTlsHosts, type TlsHosts } from "./support/tls-hosts.ts";

let hosts: TlsHosts;
/** A data root with the image `local:v1`. */
let root: string;

async function begin(): Promise<void> {
  hosts = await startTlsHosts();
  root = await hosts.newFolder();
  await drayageOutput(["import", "--root", root, hosts.layout, "local:v1"]);
}

/** One of two ways in which a client comes to a registry: exit status, and what it says. */
type Outcome = { readonly status: number | null; readonly stderr: string };

/** The home of a row, and the environment of whoever works in it. */
interface Scene {
  readonly row: AuthorityRow;
  readonly home: Home;
  readonly env: Readonly<Record<string, string>>;
}

async function sceneOf(row: AuthorityRow): Promise<Scene> {
  const home = await hosts.newHome(row.files ?? {});
  const given = Object.entries(row.env ?? {}).map(([name, value]) => [name, inHome(value, home)]);
  return { row, home, env: { ...home.env, ...Object.fromEntries(given) } };
}

function inHome(text: string, { folder }: Home): string {
  return text.replaceAll("HOME", folder);
}

/** A pull and a push by drayage. */
async function ours({ row, home, env }: Scene): Promise<readonly Outcome[]> {
  const flags = ["-q", ...(row.ours ?? []).map((word) => inHome(word, home))];
  const pulled = await hosts.newFolder();
  return await Promise.all([
    drayage(["pull", ...flags, "--root", pulled, `${row.host}/${APP}`], { env }),
    drayage(["push", ...flags, "--root", root, "local:v1", `${row.host}/team/pushed:by-drayage`], { env }),
  ]);
}

/** A pull and a push by skopeo. */
async function bySkopeo({ row, home, env }: Scene): Promise<readonly Outcome[]> {
  const flags = (side: string) => (row.theirs ?? []).map((word) => inHome(word.replace("*", side), home));
  const copy = (...words: readonly string[]) =>
    partOutcome("skopeo", ["--insecure-policy", "copy", ...words], { env });
  const pulled = await hosts.newFolder();
  return await Promise.all([
    copy(...flags("src"), `docker://${row.host}/${APP}`, `oci:${pulled}:app`),
    copy(...flags("dest"), `oci:${hosts.layout}:app`, `docker://${row.host}/team/pushed:by-skopeo`),
  ]);
}

/** What drayage makes of a row is as the row says, and what the other client makes of it is the same, or otherwise for a reason. */
async function compare(
  row: AuthorityRow,
  theirs: (scene: Scene) => Promise<readonly Outcome[]>,
  major?: number,
): Promise<void> {
  const scene = await sceneOf(row);
  const { agreement = "same", flaw } = row;
  const [we, they] = await Promise.all([ours(scene), theirs(scene)]);
  const expected = expect.stringContaining(flaw ?? "");
  expect(we.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
    we.map(() => ({ status: flaw === undefined ? 0 : 1, stderr: flaw === undefined ? "" : expected })),
  );
  const statuses = they.map(({ status }) => status === 0);
  const same = we.map(({ status }) => status === 0);
  if (agrees(agreement, major)) expect({ statuses, they }).toEqual({ statuses: same, they });
  else expect(statuses).not.toEqual(same);
}

describeReal("a private authority", ["docker-registry", "skopeo"], () => {
  beforeAll(begin);
  afterAll(() => hosts[Symbol.asyncDispose]());

  it.each(CERTS_DIRECTORY)("is told of in certs.d to drayage and skopeo: $name", (row) =>
    compare(row, bySkopeo),
  );
});

describeReal("a private authority", ["docker-registry", "skopeo", "containerd", "ctr"], () => {
  describe.skipIf(!canRunContainerd)("of which containerd knows", () => {
    let containerd: Containerd;

    /** A pull and a push by ctr. */
    async function byCtr({ row, home, env }: Scene): Promise<readonly Outcome[]> {
      const flags = row.theirs ?? ["--hosts-dir", home.hosts];
      const run = (...words: readonly string[]) =>
        partOutcome("ctr", ["--address", containerd.socket, ...words.map((word) => inHome(word, home))], {
          env,
        });
      const target = `${row.host}/team/pushed:by-ctr`;
      return await Promise.all([
        run("content", "fetch", ...flags, `${row.host}/${APP}`),
        run("images", "push", ...flags, target, `private.test/${APP}`),
      ]);
    }

    beforeAll(async () => {
      await begin();
      containerd = await startContainerd({ folder: join(await hosts.newFolder(), "containerd") });
      const unchecked = '[host."https://private.test"]\nskip_verify = true\n';
      const { hosts: directory, env } = await hosts.newHome({ "hosts/private.test/hosts.toml": unchecked });
      const fetched = ["content", "fetch", "--hosts-dir", directory, `private.test/${APP}`];
      await ctr(containerd.socket, fetched, { env });
    });
    afterAll(async () => {
      await containerd.stop();
      await hosts[Symbol.asyncDispose]();
    });

    it.each(HOSTS_TOML)("is told of in hosts.toml to drayage and ctr: $name", (row) =>
      compare(row, byCtr, containerd.version.major),
    );

    it.each(COMMAND_LINES)("is told of to drayage and ctr by option or environment: $name", (row) =>
      compare(row, byCtr, containerd.version.major),
    );
  });
});
