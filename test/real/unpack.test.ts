import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import type { HostAbilities, UnpackOutcome } from "../../src/layer.ts";
import { LayerRoom } from "../layer/unpack/support/layer-room.ts";
import { randomLayer } from "../layer/unpack/support/random-layer.ts";
import { type TreeEntry, treeOf } from "../layer/unpack/support/tree.ts";
import { canRun, NOBODY } from "../support/identities.ts";
import { type WrittenEntry, writeTestTar } from "../tar/support/tar-writer.ts";
import { describeReal } from "./support/describe-real.ts";
import { runPart } from "./support/run-part.ts";

const CHILD = fileURLToPath(new URL("support/unpack-child.ts", import.meta.url));
const EXTRACT = ["-x", "-p", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--warning=no-timestamp"];
const isRoot = process.geteuid?.() === 0;

/** By whom a layer is unpacked: what stands in front of a command. */
const IDENTITIES: Readonly<Record<string, readonly string[]>> = {
  "whoever runs the tests": [],
  "an unprivileged user": NOBODY,
  "root of a user namespace": ["unshare", "-Urm"],
};

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "drayage-unpack-"));
  chmodSync(folder, 0o777);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A directory that anybody may use, and that is its user's alone. */
function place(name: string): string {
  const path = join(folder, `${++count}-${name}`);
  mkdirSync(path);
  chmodSync(path, 0o777);
  return path;
}

function run(command: readonly string[], options: { cwd?: string; input?: Buffer } = {}): Buffer {
  const [program = "", ...args] = command;
  return execFileSync(program, args, {
    ...options,
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["pipe", "pipe", "pipe"],
  });
}

interface Unpacked {
  readonly host: HostAbilities;
  readonly outcome: UnpackOutcome;
  readonly tree: Record<string, TreeEntry>;
}

/** The layer as drayage unpacks it, in a process of its own. */
function unpackAs(identity: readonly string[], archive: Buffer): Unpacked {
  const above = place("ours");
  const blob = join(above, "blob");
  writeFileSync(blob, gzipSync(archive), { mode: 0o644 });
  const directory = join(above, "fs");
  run([...identity, "mkdir", "-m", "700", directory]);
  const printed = run([...identity, process.execPath, CHILD, blob, digestOf(archive), directory]);
  return { ...(JSON.parse(printed.toString()) as Omit<Unpacked, "tree">), tree: comparable(directory) };
}

/** The same as GNU tar unpacks it. */
function extractAs(identity: readonly string[], archive: Buffer): Record<string, TreeEntry> {
  const above = place("tar");
  const directory = join(above, "fs");
  run([...identity, "mkdir", "-m", "755", directory]);
  try {
    run([...identity, "tar", ...EXTRACT, "-f", "-"], { cwd: directory, input: archive });
  } catch {
    // it complains about what an unprivileged user cannot have, and goes on
  }
  return comparable(directory);
}

/** Without what GNU tar leaves to chance: times of directories that something is made in after it has set them. */
function comparable(directory: string): Record<string, TreeEntry> {
  const entries = Object.entries(treeOf(directory)).map(([path, entry]) => {
    const { xattrs, ...rest } = entry.type === "directory" ? { ...entry, mtime: 0 } : entry;
    return [path, { ...rest, xattrs }] as const;
  });
  return Object.fromEntries(entries);
}

/** Directories that come again, with other attributes: none of the earlier ones goes. */
const TWICE: WrittenEntry[] = [
  { name: "a", flag: "5", pax: { "SCHILY.xattr.user.one": "1", "SCHILY.xattr.user.two": "1" } },
  { name: "b", flag: "5", pax: { "SCHILY.xattr.user.one": "1" } },
  { name: "a", flag: "5", pax: { "SCHILY.xattr.user.two": "2" } },
  { name: "b", flag: "5" },
];

describe.each(Object.entries(IDENTITIES))("drayage unpacks a layer as %s", (name, identity) => {
  const isPossible = canRun(identity);
  const title = (text: string): string =>
    isPossible ? text : `${text} (not on this host: ${identity[0]} is refused)`;

  it.skipIf(!isPossible)(
    title("like GNU tar, entry by entry"),
    () => {
      fc.assert(
        fc.property(randomLayer, (entries) => {
          const archive = writeTestTar(entries.filter((entry) => isFor(name, entry)));
          const { tree, outcome } = unpackAs(identity, archive);
          expect(outcome.entries).toBeGreaterThan(0);
          expect(tree).toEqual(extractAs(identity, archive));
        }),
        { numRuns: name === "whoever runs the tests" ? 25 : 8, examples: [[TWICE]] },
      );
    },
    240_000,
  );

  it.skipIf(!isPossible)(title("and says what it could not do"), () => {
    const { host, outcome, tree } = unpackAs(
      identity,
      writeTestTar([
        { name: "null", flag: "3", major: 1, minor: 3 },
        { name: "owned", uid: 12, gid: 13 },
        { name: "file", pax: { "SCHILY.xattr.trusted.a": "v", "SCHILY.xattr.user.a": "v" } },
        { name: ".wh.gone" },
      ]),
    );
    const skipped = Object.fromEntries(outcome.skipped.map(({ kind, examples }) => [kind, examples]));
    const attributes = ["trusted", "user"].filter((one) => !host.xattrs.some((can) => can === one));
    expect(skipped).toEqual({
      ...(!host.devices && { device: ["null"] }),
      ...(host.owners !== "any" && {
        owner: host.owners === "own" && tree["./owned"]?.owner !== "0:0" ? expect.any(Array) : ["owned"],
      }),
      ...(attributes.length > 0 && { xattr: attributes.map((one) => `file: ${one}.a`) }),
    });
    expect(tree[host.overlay === "none" ? "./.wh.gone" : "./gone"]).toBeDefined();
  });
});

/** What every identity can have: an owner of its own where there is no other, and no devices or foreign attributes. */
function isFor(name: string, { flag, pax }: WrittenEntry): boolean {
  if (name === "whoever runs the tests" && isRoot) return true;
  return flag !== "3" && flag !== "4" && pax === undefined;
}

describeReal("drayage unpacks a layer", ["umoci"], () => {
  it.skipIf(!isRoot)("like umoci, entry by entry", async () => {
    using room = await LayerRoom.open();
    const entries: WrittenEntry[] = [
      { name: "./", flag: "5", mode: 0o755, mtime: 5 },
      { name: "etc/", flag: "5", mode: 0o750, uid: 3, gid: 4, mtime: 6 },
      {
        name: "etc/file",
        content: "content",
        mode: 0o4711,
        uid: 5,
        gid: 6,
        mtime: 7,
        pax: { "SCHILY.xattr.user.a": "v" },
      },
      { name: "etc/other", flag: "1", linkName: "etc/file", mode: 0o4711, uid: 5, gid: 6, mtime: 7 },
      { name: "etc/soft", flag: "2", linkName: "/etc/file", mode: 0o777, mtime: 8 },
      { name: "etc/pipe", flag: "6", mode: 0o600, mtime: 9 },
      { name: "etc/null", flag: "3", major: 1, minor: 3, mode: 0o666, mtime: 10 },
      { name: "etc/soft", content: "no link any more", mtime: 11 },
      { name: "lib", flag: "2", linkName: "usr/lib", mode: 0o777, mtime: 12 },
      { name: "usr/", flag: "5", mode: 0o755, mtime: 13 },
      { name: "usr/lib/", flag: "5", mode: 0o755, mtime: 14 },
      { name: "lib/through", content: "a link", mtime: 15 },
      { name: "usr/", flag: "5", mode: 0o711, mtime: 16 },
    ];
    const archive = writeTestTar(entries);
    await room.unpack(archive);
    const above = place("umoci");
    const layout = join(above, "layout");
    writeFileSync(join(above, "layer.tar"), archive);
    await runPart("umoci", ["init", "--layout", layout]);
    await runPart("umoci", ["new", "--image", `${layout}:one`]);
    await runPart("umoci", ["raw", "add-layer", "--image", `${layout}:one`, join(above, "layer.tar")]);
    await runPart("umoci", ["raw", "unpack", "--image", `${layout}:one`, join(above, "rootfs")]);
    expect(comparable(room.directory)).toEqual(comparable(join(above, "rootfs")));
  });
});
