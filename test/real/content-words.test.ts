import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { proxyStore } from "../../src/content/grpc/proxy-store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { type Containerd, canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { type RunningDrayage, startDrayage } from "./support/drayage.ts";
import { holdRef } from "./support/held-ref.ts";
import { type PartOutcome, partOutcome } from "./support/run-part.ts";
import { until } from "./support/until.ts";

const TEXT = "what is in the blob\n";
const DIGEST = digestOf(TEXT);
const UNKNOWN = digestOf("unknown");
const SHORT = "sha256:abc";

/** What ctr is asked to do, with `TEXT` on its standard input. Each of these fails. */
const COMPLAINTS: Readonly<Record<string, readonly string[]>> = {
  "get of a missing blob": ["content", "get", UNKNOWN],
  "label of a missing blob": ["content", "label", UNKNOWN, "a=b"],
  "labels of a missing blob": ["content", "label", UNKNOWN],
  "edit of a missing blob": ["content", "edit", "--editor", "true", UNKNOWN],
  "get of no digest": ["content", "get", "nonsense"],
  "get of a digest that is too short": ["content", "get", SHORT],
  "get of a digest by an unknown algorithm": ["content", "get", "md7:abc"],
  "rm of no digest": ["content", "rm", "nonsense"],
  "rm of a digest that is too short": ["content", "rm", SHORT],
  "label of no digest": ["content", "label", "nonsense", "a=b"],
  "edit of no digest": ["content", "edit", "--editor", "true", "nonsense"],
  "edit without a change": ["content", "edit", "--editor", "true", DIGEST],
  "edit with an editor that fails": ["content", "edit", "--editor", "false", DIGEST],
  "edit that should be validated": ["content", "edit", "--editor", "true", "--validate", "json", DIGEST],
  "ingest of another digest": ["content", "ingest", "--expected-digest", UNKNOWN, "digest"],
  "ingest of more bytes": ["content", "ingest", "--expected-size", "5", "more"],
  "ingest of fewer bytes": ["content", "ingest", "--expected-size", "50", "fewer"],
  "ingest of a negative number of bytes": ["content", "ingest", "--expected-size=-1", "negative"],
  "ingest of another digest and size": [
    "content",
    "ingest",
    "--expected-digest",
    UNKNOWN,
    "--expected-size",
    "5",
    "both",
  ],
  'ingest under a ref with "quotes"': ["content", "ingest", "--expected-size", "5", 'a "b"'],
  "ingest of no digest": ["content", "ingest", "--expected-digest", "nonsense", "none"],
  "ls by a filter that is none": ["content", "ls", ".*"],
  "ls by an operator that is none": ["content", "ls", "digest="],
  "ls by a text without an end": ["content", "ls", "digest~=/["],
  "active by a filter that is none": ["content", "active", ".*"],
  "ls in a namespace that is none": ["--namespace", "a/b", "content", "ls"],
  "ls in a namespace with a name that is too long": ["--namespace", "n".repeat(77), "content", "ls"],
};

/** What ctr is asked to do that succeeds. */
const SUCCESSES: Readonly<Record<string, readonly string[]>> = {
  "rm of a missing blob": ["content", "rm", UNKNOWN],
  "rm of nothing": ["content", "rm"],
  "ingest of what is there": ["content", "ingest", "--expected-digest", DIGEST, "again"],
  "ingest of what turns out to be there": ["content", "ingest", "once more"],
  get: ["content", "get", DIGEST],
  "label with nothing to change": ["content", "label", DIGEST],
  "ls -q": ["content", "ls", "-q"],
};

describeReal("ctr beside containerd's own content service", ["containerd", "ctr"], () => {
  describe.skipIf(!canRunContainerd)("says of drayage serve what it says of containerd", () => {
    let folder: string;
    let containerd: Containerd;
    let serving: RunningDrayage;
    let sockets: { readonly theirs: string; readonly ours: string };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "drayage-real-"));
      containerd = await startContainerd({ folder: join(folder, "own") });
      sockets = { theirs: containerd.socket, ours: join(folder, "content.sock") };
      serving = startDrayage([
        "serve",
        "--root",
        join(folder, "root"),
        "--address",
        `unix://${sockets.ours}`,
      ]);
      await until(() => existsSync(sockets.ours));
      for (const socket of [sockets.theirs, sockets.ours]) {
        await ctr(socket, ["content", "ingest", "first"], { input: TEXT });
      }
    });

    afterAll(async () => {
      serving.kill("SIGTERM");
      await serving.done;
      await containerd.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function outcomes(args: readonly string[]): Promise<{ theirs: PartOutcome; ours: PartOutcome }> {
      const run = (socket: string) => outcomeOf(socket, args, folder);
      return { theirs: await run(sockets.theirs), ours: await run(sockets.ours) };
    }

    it.each(Object.keys(COMPLAINTS))("%s", async (name) => {
      const { theirs, ours } = await outcomes(COMPLAINTS[name] ?? []);
      expect(theirs.status).toBe(1);
      expect(ours).toEqual(theirs);
    });

    it.each(Object.keys(SUCCESSES))("%s", async (name) => {
      const { theirs, ours } = await outcomes(SUCCESSES[name] ?? []);
      expect(theirs).toMatchObject({ status: 0, stderr: "" });
      expect(ours).toEqual(theirs);
    });

    it("a ref that another writer has open", async () => {
      const editor = join(folder, "editor");
      await writeFile(editor, `#!/bin/sh\necho changed >>"$1"\n`, { mode: 0o755 });
      const edit = ["content", "edit", "--editor", editor, DIGEST]; // the only verb that does not wait for its ref
      await using _theirs = await holdRef(sockets.theirs, `edit-${DIGEST}`);
      await using _ours = await holdRef(sockets.ours, `edit-${DIGEST}`);
      const { theirs, ours } = await outcomes(edit);
      expect(theirs.stderr).toContain(`ref default/edit-${DIGEST} locked for`);
      expect(ours).toEqual(theirs);
    });

    it("refs that are not there, which ctr never asks for", async () => {
      const theirs = await refusals(sockets.theirs);
      expect(theirs[1]).toMatch(/no such: not found$/);
      expect(await refusals(sockets.ours)).toEqual(theirs);
    });
  });
});

/**
 * How ctr ends, without the clock's part in it, without the number that containerd puts into a ref, and without what containerd
 * deprecates about itself and its machine.
 */
async function outcomeOf(socket: string, args: readonly string[], folder: string): Promise<PartOutcome> {
  const options = { input: TEXT, env: { XDG_RUNTIME_DIR: folder } }; // where it lays out what is edited
  const outcome = await partOutcome("ctr", ["--address", socket, ...args], options);
  const stderr = outcome.stderr
    .replace(/^.* level=warning msg="DEPRECATION: .*\n/gm, "")
    .replace(/^time="[^"]*"/, "time")
    .replace(/ref default\/\d+\//, "ref default/")
    .replace(/locked for \S+ \(since [^)]*\)/, "locked for a while (since then)");
  return { ...outcome, stderr };
}

/** What a service says of refs and blobs that it has not. */
async function refusals(socket: string): Promise<readonly string[]> {
  await using proxy = proxyStore({ address: `unix://${socket}`, namespace: "default" });
  const asked = [proxy.status("no such"), proxy.abort("no such"), proxy.delete(UNKNOWN)];
  return (await Promise.allSettled(asked)).map((result) => String("reason" in result && result.reason));
}
