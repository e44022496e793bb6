import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { agrees } from "./support/agreement.ts";
import { type AuthorityRow, CERTS_DIRECTORY, COMMAND_LINES, HOSTS_TOML } from "./support/authority-rows.ts";
import {
  APP,
  byDrayage,
  bySkopeo,
  expectAgreement,
  expectFlaws,
  flagsOf,
  inHome,
  type Outcome,
  VISIT_TIMEOUT_MS,
  type Visit,
} from "./support/both-clients.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { partOutcome } from "./support/run-part.ts";
import { startTlsHosts, type TlsHosts } from "./support/tls-hosts.ts";

let hosts: TlsHosts;
/** A data root with the image `local:v1`. */
let root: string;

async function begin(): Promise<void> {
  hosts = await startTlsHosts();
  root = await hosts.newFolder();
  await drayageOutput(["import", "--root", root, hosts.layout, "local:v1"]);
}

/** Where a row happens. */
async function visitOf(row: AuthorityRow): Promise<Visit> {
  const home = await hosts.newHome(row.files ?? {});
  const given = Object.entries(row.env ?? {}).map(([name, value]) => [name, inHome(value, home)]);
  return { host: row.host, home, env: { ...home.env, ...Object.fromEntries(given) } };
}

/** What drayage makes of a row is as the row says, and what the other client makes of it is the same, or otherwise for a reason. */
async function compare(
  row: AuthorityRow,
  other: (visit: Visit) => Promise<readonly Outcome[]>,
  major?: number,
): Promise<void> {
  const { agreement = "same", flaw } = row;
  const visit = await visitOf(row);
  const [ours, theirs] = await Promise.all([
    byDrayage({ ...visit, flags: row.ours }, { ...hosts, root }),
    other({ ...visit, flags: row.theirs }),
  ]);
  expectFlaws(ours, [flaw, flaw]);
  expectAgreement({ ours, theirs }, agrees(agreement, major));
}

describeReal("a private authority", ["docker-registry", "skopeo"], () => {
  beforeAll(begin);
  afterAll(() => hosts[Symbol.asyncDispose]());

  it.each(CERTS_DIRECTORY)(
    "is told of in certs.d to drayage and skopeo: $name",
    { timeout: VISIT_TIMEOUT_MS },
    (row) => compare(row, (visit) => bySkopeo(visit, { ...hosts, root })),
  );
});

describeReal("a private authority", ["docker-registry", "skopeo", "containerd", "ctr"], () => {
  describe.skipIf(!canRunContainerd)("of which containerd knows", () => {
    let containerd: Containerd;

    /** A pull and a push by ctr. */
    async function byCtr(visit: Visit): Promise<readonly Outcome[]> {
      const { host, home, env } = visit;
      const flags = visit.flags ? flagsOf(visit) : ["--hosts-dir", home.hosts];
      const run = (...words: readonly string[]) =>
        partOutcome("ctr", ["--address", containerd.socket, ...words], { env });
      return await Promise.all([
        run("content", "fetch", ...flags, `${host}/${APP}`),
        run("images", "push", ...flags, `${host}/team/pushed:by-ctr`, `private.test/${APP}`),
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

    it.each(HOSTS_TOML)(
      "is told of in hosts.toml to drayage and ctr: $name",
      { timeout: VISIT_TIMEOUT_MS },
      (row) => compare(row, byCtr, containerd.version.major),
    );

    it.each(COMMAND_LINES)(
      "is told of to drayage and ctr by option or environment: $name",
      { timeout: VISIT_TIMEOUT_MS },
      (row) => compare(row, byCtr, containerd.version.major),
    );
  });
});
