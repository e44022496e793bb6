import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  statfs,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrAlreadyExists, ErrCanceled, ErrPermissionDenied } from "../../../src/errors.ts";
import { type DescribedEntry, describeTree } from "../../../src/layer/compare/describe-tree.ts";
import { assemble } from "../../../src/layer/rootfs/assemble.ts";
import type { LayerTree } from "../../../src/layer/tree/layer-tree.ts";
import { findGnuTar } from "../../../src/layer/unpack/find-gnu-tar.ts";
import { ownsAll } from "../../support/owns-all.ts";
import { treeOf } from "../support/tree-of.ts";

const isRoot = process.geteuid?.() === 0;

let directory: string;
let target: string;
/** Images made so far. */
let made = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-rootfs-"));
  target = join(directory, "rootfs");
});

afterEach(async () => {
  execFileSync("chmod", ["-R", "u+rwx", directory]); // for whoever is no root
  await rm(directory, { recursive: true, force: true });
});

/** What a layer of a test has at a path. */
type Entry = "dir" | "opaque" | "file" | "link" | "whiteout";
type Entries = Readonly<Record<string, Entry>>;

/** What makes an entry at a path; marks are those of overlayfs where they are `native`, those of an archive otherwise. */
const MAKE: Readonly<Record<Entry, (at: string, native: boolean) => Promise<unknown> | undefined>> = {
  dir: (at) => mkdir(at, { recursive: true }),
  file: (at) => writeFile(at, at),
  link: (at) => symlink("/etc/passwd", at),
  whiteout: (at, native) =>
    native ? makeDevice(at) : writeFile(join(dirname(at), `.wh.${basename(at)}`), ""),
  async opaque(at, native) {
    await mkdir(at, { recursive: true });
    if (native) setOpaque(at);
    else await writeFile(join(at, ".wh..wh..opq"), "");
  },
};

/** A layer on the disk. */
async function layerOf(name: string, entries: Entries, native = false): Promise<LayerTree> {
  const path = join(directory, name, "fs");
  await mkdir(path, { recursive: true });
  const those = (wanted: Entry): Set<string> =>
    new Set(Object.keys(entries).filter((entry) => entries[entry] === wanted));
  for (const [entry, kind] of Object.entries(entries)) {
    await mkdir(dirname(join(path, entry)), { recursive: true });
    await MAKE[kind](join(path, entry), native);
  }
  return { path, whiteouts: those("whiteout"), opaque: those("opaque"), attributed: new Set() };
}

function makeDevice(path: string): undefined {
  execFileSync("mknod", [path, "c", "0", "0"]);
}

function setOpaque(path: string): void {
  const script = `import os,sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")`;
  execFileSync("python3", ["-c", script, path]);
}

/** Whether a file system that shares blocks can be made and mounted here. */
const canMount =
  ownsAll && spawnSync("sh", ["-c", "command -v mkfs.xfs && grep -w xfs /proc/filesystems"]).status === 0;

if (!canMount)
  process.stderr.write("skipped: assembling on xfs, for want of mkfs.xfs or the right to mount\n");

/** A file system that shares blocks, in a file, until its scope ends. */
async function reflinkDisk(): Promise<AsyncDisposable & { path: string; freeKib(): Promise<number> }> {
  const [image, path] = [join(directory, "disk.img"), join(directory, "disk")];
  await mkdir(path);
  execFileSync("sh", [
    "-ec",
    'truncate -s 320M "$1"; mkfs.xfs -q -m reflink=1 "$1"; mount -o loop "$1" "$2"',
    "-",
    image,
    path,
  ]);
  return {
    path,
    async freeKib() {
      execFileSync("sync", ["-f", path]);
      const { bavail, bsize } = await statfs(path);
      return (bavail * bsize) / 1024;
    },
    [Symbol.asyncDispose]: async () => void execFileSync("umount", [path]),
  };
}

async function factsOf(tree: string): Promise<Map<string, DescribedEntry["facts"]>> {
  const tar = (await findGnuTar()) ?? "tar";
  const facts = new Map<string, DescribedEntry["facts"]>();
  for await (const entry of describeTree(tree, { tar })) facts.set(entry.name, entry.facts);
  return facts;
}

async function assembled(...layers: readonly Entries[]): Promise<string[]> {
  const trees: LayerTree[] = [];
  made++;
  for (const [at, entries] of layers.entries()) trees.push(await layerOf(`image${made}-${at}`, entries));
  await assemble(trees, target);
  return [...treeOf(target).keys()];
}

describe("assemble()", () => {
  it("shows the uppermost file of a name", async () => {
    expect(await assembled({ a: "file", b: "file" }, { b: "file" })).toEqual(["a", "b"]);
    expect(await readFile(join(target, "a"), "utf8")).toMatch(/-0\/fs\/a$/);
    expect(await readFile(join(target, "b"), "utf8")).toMatch(/-1\/fs\/b$/);
  });

  it("merges directories", async () => {
    expect(await assembled({ "d/a": "file" }, { "d/b": "file" })).toEqual(["d", "d/a", "d/b"]);
  });

  it("takes away what a whiteout names, and brings it back above", async () => {
    expect(await assembled({ "d/a": "file", "d/b": "file" }, { "d/a": "whiteout" })).toEqual(["d", "d/b"]);
    await rm(target, { recursive: true });
    const layers = [{ "d/a": "file" }, { d: "whiteout" }, { "d/c": "file" }] as const;
    expect(await assembled(...layers)).toEqual(["d", "d/c"]);
  });

  it("shows nothing of what lies below an opaque directory", async () => {
    expect(await assembled({ "d/a": "file", "d/e/f": "file" }, { d: "opaque", "d/b": "file" })).toEqual([
      "d",
      "d/b",
    ]);
  });

  it("replaces a directory by a file, and the file by a directory", async () => {
    expect(await assembled({ "d/a": "file" }, { d: "file" })).toEqual(["d"]);
    await rm(target, { recursive: true });
    expect(await assembled({ "d/a": "file" }, { d: "file" }, { "d/b": "file" })).toEqual(["d", "d/b"]);
  });

  it("follows no link of a lower layer, neither to write nor to take away", async () => {
    const outside = join(directory, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "kept"), "");
    const lower = await layerOf("lower", {});
    await symlink(outside, join(lower.path, "d"));
    const upper = await layerOf("upper", { "d/kept": "whiteout", "d/new": "file" });
    const top = await layerOf("top", { d: "opaque" });
    await assemble([lower, upper, top], target);
    expect(await readdir(outside)).toEqual(["kept"]);
    expect([...treeOf(target).keys()]).toEqual(["d"]);
  });

  it.each(["copy", "hardlink"] as const)("shares what %s says with the layers", async (sharing) => {
    const layer = await layerOf("layer", { a: "file" });
    await assemble([layer], target, { sharing });
    const [there, here] = await Promise.all([stat(join(layer.path, "a")), stat(join(target, "a"))]);
    expect(there.ino === here.ino).toBe(sharing === "hardlink");
  });

  it("keeps a layer as it is when a file is shared with it and replaced above", async () => {
    const trees = [await layerOf("one", { a: "file" }), await layerOf("two", { a: "file" })];
    await assemble(trees, target, { sharing: "hardlink" });
    expect(await readFile(join(directory, "one", "fs", "a"), "utf8")).toMatch(/one\/fs\/a$/);
    expect(await readFile(join(target, "a"), "utf8")).toMatch(/two\/fs\/a$/);
  });

  it.runIf(ownsAll)("keeps what a directory has of its own, and not the mark that it is opaque", async () => {
    const lower = await layerOf("lower", { "d/below": "file", "d/e/below": "file" });
    const upper = await layerOf("upper", { d: "opaque", "d/e": "opaque", "d/e/f": "file" }, true);
    execFileSync("sh", ["-ec", "chown 5:6 d; chmod 2751 d/e; touch -d @1000000000 d/e d"], {
      cwd: upper.path,
    });
    execFileSync("python3", ["-c", `import os; os.setxattr("d/e", "user.own", b"y")`], { cwd: upper.path });
    await assemble([lower, upper], target);
    const expected = await factsOf(upper.path);
    for (const name of ["d", "d/e"]) {
      const facts = expected.get(name);
      expect(facts?.["extended attributes"]).toContain("trusted.overlay.opaque=y");
      const own = name === "d/e" ? '["user.own=y"]' : "[]";
      expect((await factsOf(target)).get(name)).toEqual({ ...facts, "extended attributes": own });
    }
    expect([...treeOf(target).keys()]).toEqual(["d", "d/e", "d/e/f"]);
  });

  it.runIf(canMount)(
    "shares blocks with the layers where the file system can, and says so where it cannot",
    async () => {
      await using disk = await reflinkDisk();
      const layer = await layerOf("big", {});
      await writeFile(join(layer.path, "big"), randomBytes(16 * 1024 * 1024));
      const there = { ...layer, path: join(disk.path, "fs") };
      await cp(layer.path, there.path, { recursive: true });
      const before = await disk.freeKib();
      await assemble([there], join(disk.path, "rootfs"));
      expect(before - (await disk.freeKib())).toBeLessThan(1024);
      await appendFile(join(disk.path, "rootfs", "big"), "changed");
      expect((await stat(join(there.path, "big"))).size).toBe(16 * 1024 * 1024);
      await expect(assemble([layer], join(disk.path, "other"), { sharing: "reflink" })).rejects.toThrow(/cp/);
      await assemble([layer], join(disk.path, "other"));
      expect(await readdir(join(disk.path, "other"))).toEqual(["big"]);
    },
  );

  it("refuses a directory with something in it, and leaves that alone", async () => {
    await mkdir(target);
    await writeFile(join(target, "mine"), "");
    await expect(assemble([await layerOf("layer", { a: "file" })], target)).rejects.toThrow(ErrAlreadyExists);
    expect(await readdir(target)).toEqual(["mine"]);
  });

  it("goes on in directories, and with files, that keep their owner out", async () => {
    const lower = await layerOf("lower", { "d/secret": "file", "d/gone": "file", "d/replaced": "file" });
    const upper = await layerOf("upper", { "d/new": "file", "d/gone": "whiteout", "d/replaced": "file" });
    await chmod(join(lower.path, "d/secret"), 0);
    for (const { path } of [lower, upper]) await chmod(join(path, "d"), 0o555);
    for (const { path } of [lower, upper]) await chmod(path, 0o555);
    await assemble([lower, upper], target);
    expect((await readdir(join(target, "d"))).toSorted()).toEqual(["new", "replaced", "secret"]);
    const modes = await Promise.all([".", "d", "d/secret"].map((path) => stat(join(target, path))));
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o555, 0o555, 0]);
    await chmod(join(target, "d/secret"), 0o600);
    expect(await readFile(join(target, "d/secret"), "utf8")).toBe(join(lower.path, "d/secret"));
  });

  it.skipIf(isRoot)("says what helps where it may not look, and leaves nothing", async () => {
    const lower = await layerOf("lower", { "d/e/x": "file" });
    const upper = await layerOf("upper", { "d/e/y": "file" });
    await chmod(join(lower.path, "d"), 0o555);
    await chmod(join(upper.path, "d/e"), 0);
    const assembling = assemble([lower, upper], target);
    await expect(assembling).rejects.toThrow(ErrPermissionDenied);
    await expect(assembling).rejects.toThrow("unshare -Ur");
    expect(await readdir(target)).toEqual([]);
  });

  it("removes what it made when it is canceled", async () => {
    const controller = new AbortController();
    controller.abort();
    const assembling = assemble([await layerOf("layer", { a: "file" })], target, {
      signal: controller.signal,
    });
    await expect(assembling).rejects.toThrow(ErrCanceled);
    expect(await readdir(target)).toEqual([]);
  });

  it.runIf(ownsAll)("shows what the kernel's overlay shows", { timeout: 120_000 }, async () => {
    const name = fc.constantFrom("a", "b", "c");
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    const kind = fc.constantFrom<Entry>("dir", "opaque", "file", "link", "whiteout");
    const layer = fc.array(fc.tuple(path, kind), { maxLength: 6 });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(layer, { minLength: 2, maxLength: 4 }), async (layers) => {
        round++;
        const trees: LayerTree[] = [];
        for (const [at, entries] of layers.entries()) {
          trees.push(await layerOf(`${round}-${at}`, consistent(entries), true));
        }
        const shown = join(directory, "shown");
        const built = join(directory, `built-${round}`);
        await mkdir(shown, { recursive: true });
        const lower = trees.map(({ path: tree }) => tree).toReversed();
        execFileSync("mount", ["-t", "overlay", "overlay", "-o", `lowerdir=${lower.join(":")}`, shown]);
        try {
          await assemble(trees, built);
          expect(treeOf(built)).toEqual(treeOf(shown));
        } finally {
          execFileSync("umount", [shown]);
        }
      }),
      { numRuns: 40, verbose: true },
    );
  });
});

/** Entries of which none lies below one that is no directory. */
function consistent(entries: ReadonlyArray<readonly [string, Entry]>): Entries {
  const kept = new Map<string, Entry>();
  for (const [path, kind] of entries) {
    const parts = path.split("/");
    const above = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join("/"));
    const isBelowFile = above.some((one) => ["file", "link", "whiteout"].includes(kept.get(one) ?? "dir"));
    const isFileAbove =
      !["dir", "opaque"].includes(kind) && [...kept.keys()].some((one) => one.startsWith(`${path}/`));
    if (!kept.has(path) && !isBelowFile && !isFileAbove) kept.set(path, kind);
  }
  return Object.fromEntries(kept);
}
