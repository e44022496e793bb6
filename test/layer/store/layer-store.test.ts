import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainWaiter } from "../../../src/async/waiting.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../../src/errors.ts";
import { LayerStore } from "../../../src/layer/store/layer-store.ts";
import type { LayerSource } from "../../../src/layer/store/prepared-layer.ts";
import { chainIds } from "../../../src/oci/chain-id.ts";
import { ownsAll } from "../../support/owns-all.ts";
import { TarUnpacker } from "../support/tar-unpacker.ts";

let directory: string;
let root: string;
let unpacker: TarUnpacker;
let store: LayerStore;
/** Another process, as far as locks go. */
let other: LayerStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-layers-"));
  root = join(directory, "root");
  await mkdir(root);
  unpacker = new TarUnpacker();
  store = new LayerStore({ root, unpacker });
  other = new LayerStore({ root, unpacker });
});

afterEach(async () => {
  await store.close();
  await other.close();
  await rm(directory, { recursive: true, force: true });
});

/** Whether this process may mount an overlay. */
const canMount =
  spawnSync("unshare", ["--mount", "mount", "-t", "overlay", "overlay", "-o", "lowerdir=/usr:/etc", "/mnt"])
    .status === 0;

/** A blob with one file in it, named and filled with `word`. */
async function blobOf(word: string): Promise<LayerSource> {
  const tree = await mkdtemp(join(directory, "tree-"));
  await writeFile(join(tree, word), word);
  const path = join(directory, `${word}.tar`);
  execFileSync("tar", ["-cf", path, "--mtime=@0", "-C", tree, word]);
  const digest = digestOf(await readFile(path));
  return { diffId: digest, digest, blob: { path } };
}

const places = (sources: readonly LayerSource[]) => {
  const chain = chainIds(sources.map(({ diffId }) => diffId));
  return chain.map((chainId, at) => ({ chainId, parent: chain[at - 1] }));
};

/** Registers one layer on the other in `into`; gives their chain IDs, all of them held. */
async function registerAll(into: LayerStore, ...words: string[]): Promise<Digest[]> {
  const sources = await Promise.all(words.map(blobOf));
  for (const [at, place] of places(sources).entries()) {
    const source = sources[at];
    if (source) await into.register(source, place);
  }
  return places(sources).map(({ chainId }) => chainId);
}

const releaseAll = async (from: LayerStore, chain: readonly Digest[]): Promise<void> => {
  for (const chainId of chain) await from.release({ chainId });
};
const sweep = (by: LayerStore, isUsed = true) => by.sweep({ isUsed: () => Promise.resolve(isUsed) });
const listed = async (of: LayerStore): Promise<Digest[]> => (await of.list()).map(({ chainId }) => chainId);
const staged = (): Promise<readonly string[]> => readdir(join(root, "layers", "staging"));
const locks = (): Promise<readonly string[]> => readdir(join(root, "locks"));

/** Makes a layer look as if the machine had been started again since; gives its directory. */
async function restart(chainId: Digest): Promise<string> {
  const at = join(root, "layers", chainId.replace(":", "/"));
  const record = JSON.parse(await readFile(join(at, "layer.json"), "utf8"));
  await writeFile(join(at, "layer.json"), JSON.stringify({ ...record, boot: "another start" }));
  return at;
}

describe("LayerStore", () => {
  it("gives a registered layer with its files, on the one below it", async () => {
    const [lower, upper] = (await registerAll(store, "below", "above")) as [Digest, Digest];
    const layer = await store.get(upper);
    expect(layer).toMatchObject({ chainId: upper, parent: lower, entries: 1, bytes: 5 });
    expect(await readFile(join(layer?.path ?? "", "above"), "utf8")).toBe("above");
    expect(new Set(await listed(other))).toEqual(new Set([lower, upper]));
    expect(await staged()).toEqual([]);
  });

  it("has no layer that nobody registered, and makes nothing on disk to find that out", async () => {
    expect(await store.get(digestOf("nothing"))).toBeUndefined();
    expect(await readdir(root)).toEqual([]);
  });

  it("takes a blob that is no file", async () => {
    const { blob, ...source } = await blobOf("bytes");
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      if ("path" in blob) yield await readFile(blob.path);
    };
    const layer = await store.register(
      { ...source, blob: { bytes: bytes() } },
      { chainId: source.diffId, parent: undefined },
    );
    expect(await readFile(join(layer.path, "bytes"), "utf8")).toBe("bytes");
    expect(await readdir(join(layer.path, ".."))).toEqual(["fs", "layer.json"]);
  });

  it("unpacks a layer once for two who want it, in one process or in two", async () => {
    const source = await blobOf("shared");
    const place = { chainId: source.diffId, parent: undefined };
    const layers = await Promise.all([store, store, other].map((each) => each.register(source, place)));
    expect(new Set(layers.map(({ path }) => path)).size).toBe(1);
    expect(unpacker.orders).toHaveLength(1);
  });

  it("unpacks layers before those below them are there, and registers none of them before", async () => {
    const sources = await Promise.all(["one", "two"].map(blobOf));
    const [first, second] = places(sources) as [ReturnType<typeof places>[0], ReturnType<typeof places>[0]];
    const [lower, upper] = sources as [LayerSource, LayerSource];
    await store.prepare(upper, second);
    expect(await listed(store)).toEqual([]);
    await store.register(lower, first);
    await store.register(upper, second);
    expect(unpacker.orders).toHaveLength(2);
  });

  it("throws away what was prepared and is not registered", async () => {
    const source = await blobOf("unwanted");
    const discard = await store.prepare(source, { chainId: source.diffId, parent: undefined });
    expect(await staged()).toHaveLength(1);
    await discard();
    expect(await staged()).toEqual([]);
    expect(await locks()).toEqual([]);
    await other.register(source, { chainId: source.diffId, parent: undefined });
    expect(unpacker.orders).toHaveLength(2);
  });

  it("keeps what was registered when what prepared it is thrown away", async () => {
    const source = await blobOf("wanted");
    const place = { chainId: source.diffId, parent: undefined };
    const discard = await store.prepare(source, place);
    await store.register(source, place);
    await discard();
    expect(await listed(other)).toEqual([source.diffId]);
  });

  it("keeps what is being registered when what prepared it is thrown away meanwhile", async () => {
    const source = await blobOf("wanted");
    const place = { chainId: source.diffId, parent: undefined };
    const discard = await store.prepare(source, place);
    const registering = store.register(source, place);
    await discard();
    const { path } = await registering;
    expect(await readdir(path)).toHaveLength(1);
    expect(await staged()).toEqual([]);
  });

  it("refuses a layer on one that is not here, and leaves nothing of it", async () => {
    const sources = await Promise.all(["one", "two"].map(blobOf));
    const upper = sources[1] as LayerSource;
    const place = places(sources)[1] as ReturnType<typeof places>[0];
    await expect(store.register(upper, place)).rejects.toThrow(ErrNotFound);
    expect(await staged()).toEqual([]);
    expect(await locks()).toEqual([]);
  });

  it.each([
    ["a blob that is damaged", new ErrDataLoss("damaged")],
    ["entries that are unacceptable", new ErrInvalidArgument("..")],
  ])("leaves nothing of a layer with %s", async (_, error) => {
    const source = await blobOf("bad");
    unpacker.before = () => Promise.reject(error);
    await expect(store.register(source, { chainId: source.diffId, parent: undefined })).rejects.toBe(error);
    expect(await listed(store)).toEqual([]);
    expect(await staged()).toEqual([]);
    expect(await locks()).toEqual([]);
  });

  it("gives up a layer that another process makes when its signal fires", async () => {
    const source = await blobOf("slow");
    const place = { chainId: source.diffId, parent: undefined };
    const discard = await other.prepare(source, place);
    const controller = new AbortController();
    const waiting = store.register(source, place, {
      signal: controller.signal,
      waiter: plainWaiter({ signal: controller.signal, show: () => controller.abort() }),
    });
    await expect(waiting).rejects.toThrow(ErrCanceled);
    await discard();
  });

  it("counts a layer with a damaged record as absent, and replaces it", async () => {
    const [chainId] = (await registerAll(store, "damaged")) as [Digest];
    await store.release({ chainId });
    const record = join(root, "layers", chainId.replace(":", "/"), "layer.json");
    await writeFile(record, "{");
    expect(await store.get(chainId)).toBeUndefined();
    await registerAll(store, "damaged");
    expect(await store.get(chainId)).toBeDefined();
    expect(await staged()).toEqual([]);
  });

  it("leaves what it replaced to those who use it, and removes it after them", async () => {
    const [chainId] = (await registerAll(store, "used")) as [Digest];
    const at = join(root, "layers", chainId.replace(":", "/"));
    const { ino } = await stat(join(at, "fs"));
    await rm(join(at, "layer.json"));
    await registerAll(other, "used");
    await other.close();
    const [name = ""] = await readdir(join(root, "layers", "replaced"));
    expect((await stat(join(root, "layers", "replaced", name, "fs"))).ino).toBe(ino);
    expect((await stat(join(at, "fs"))).ino).not.toBe(ino);
    await store.close();
    expect(await readdir(join(root, "layers", "replaced"))).toEqual([]);
  });
});

describe("a layer that was made before the machine was started again", () => {
  it("is made again, because the power may have taken some of it", async () => {
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    await store.release({ chainId });
    await writeFile(join(await restart(chainId), "fs", "a"), ""); // what a power cut leaves
    expect(await store.get(chainId)).toBeUndefined();
    expect(await listed(store)).toEqual([]);
    await registerAll(store, "a");
    expect(await readFile(join((await store.get(chainId))?.path ?? "", "a"), "utf8")).toBe("a");
  });

  it("is believed when everything was on the disk before", async () => {
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    await writeFile(join(await restart(chainId), "settled"), "");
    expect(await store.get(chainId)).toBeDefined();
  });

  it("is removed by a sweep when nobody made it again", async () => {
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    await store.release({ chainId });
    const at = await restart(chainId);
    await sweep(other);
    expect(existsSync(at)).toBe(false);
  });
});

describe("LayerStore.sweep()", () => {
  it("removes layers that nobody keeps, and their locks", async () => {
    const chain = await registerAll(store, "a", "b");
    await releaseAll(store, chain);
    const swept = await sweep(other);
    expect(swept.map(({ chainId }) => chainId)).toEqual(chain.toReversed());
    expect(await listed(store)).toEqual([]);
    expect(await staged()).toEqual([]);
    expect((await locks()).filter((name) => name !== "layers")).toEqual([]);
  });

  it("only tells what would go", async () => {
    const chain = await registerAll(store, "a", "b");
    await releaseAll(store, chain);
    const swept = await store.sweep({ isUsed: () => Promise.resolve(false), dryRun: true });
    expect(swept.map(({ chainId }) => chainId)).toEqual(chain.toReversed());
    expect(await listed(store)).toHaveLength(2);
  });

  it("keeps a layer that a process uses, and those below it", async () => {
    const chain = await registerAll(store, "a", "b", "c");
    await releaseAll(store, [chain[0], chain[2]] as Digest[]);
    expect((await sweep(other)).map(({ chainId }) => chainId)).toEqual([chain[2]]);
    await releaseAll(store, [chain[1]] as Digest[]);
    expect((await sweep(other)).map(({ chainId }) => chainId)).toEqual([chain[1], chain[0]]);
  });

  it("keeps a layer that two use until both have released it", async () => {
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    await store.get(chainId);
    await store.release({ chainId });
    expect(await sweep(other)).toEqual([]);
    await store.release({ chainId });
    expect(await sweep(other)).toHaveLength(1);
  });

  it("keeps what somebody keeps across restarts, with everything below, as long as his word counts", async () => {
    const chain = await registerAll(store, "a", "b", "c");
    await store.use("container 1", chain[1] as Digest);
    await store.close();
    expect((await sweep(other)).map(({ chainId }) => chainId)).toEqual([chain[2]]);
    expect(await sweep(other, false)).toHaveLength(2);
    expect(await readdir(join(root, "layers", "uses"))).toEqual([]);
  });

  it("removes what is kept no more", async () => {
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    await store.use("container 1", chainId);
    await store.release({ chainId });
    expect(await sweep(store)).toEqual([]);
    await store.unuse("container 1");
    expect(await sweep(store)).toHaveLength(1);
  });

  it("removes what a killed process has left half made, and nothing that is being made", async () => {
    const source = await blobOf("half");
    const discard = await store.prepare(source, { chainId: source.diffId, parent: undefined });
    await mkdir(join(root, "layers", "staging", "0123456789abcdef", "fs"), { recursive: true });
    await sweep(other);
    expect(await staged()).toHaveLength(1);
    await discard();
  });

  it.runIf(canMount)("keeps a layer that is mounted, by whomever, and the ones below it", async () => {
    const chain = await registerAll(store, "a", "b", "c", "d");
    await store.close();
    const target = join(directory, "mounted");
    await mkdir(target);
    const { mounts } = await other.mounts(chain.slice(0, 2));
    for (const { type, source, options } of mounts) {
      execFileSync("mount", ["-t", type, source, "-o", options.join(","), target]);
    }
    try {
      expect((await sweep(other)).map(({ chainId }) => chainId)).toEqual([chain[3], chain[2]]);
      expect(await readdir(target)).toEqual(["a", "b"]);
    } finally {
      execFileSync("umount", [target]);
    }
    expect(await sweep(other)).toHaveLength(2);
  });

  it("forgets the short names of layers that are gone", async () => {
    const chain = await registerAll(store, "a");
    const links = join(root, "layers", "l");
    await mkdir(links);
    await symlink(`../sha256/${chain[0]?.slice("sha256:".length)}/fs`, join(links, "here0000"));
    await symlink("../sha256/gone/fs", join(links, "gone0000"));
    await sweep(other);
    expect(await readdir(links)).toEqual(["here0000"]);
  });

  it("removes directories that their owner may not write to", async () => {
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    const layer = await store.get(chainId);
    execFileSync("sh", ["-c", `mkdir -p deep/er && touch deep/er/file && chmod 0 deep/er deep`], {
      cwd: layer?.path,
    });
    await releaseAll(store, [chainId, chainId]);
    await sweep(store);
    expect(existsSync(layer?.path ?? "")).toBe(false);
    expect(await staged()).toEqual([]);
  });
});

describe("a layer in a directory whose group everything in it gets", () => {
  it.runIf(ownsAll)("has neither that group nor its bit", async () => {
    await chown(root, 0, 5);
    await chmod(root, 0o2700);
    const [chainId] = (await registerAll(store, "a")) as [Digest];
    const { gid, mode } = await stat((await store.get(chainId))?.path ?? "");
    expect([gid, mode & 0o7777]).toEqual([0, 0o755]);
  });
});

describe("what depends on the layers below", () => {
  it("is a copy of the file that a hard link leads to, in its own place as well", async () => {
    const lower = (await registerAll(store, "below"))[0] as Digest;
    unpacker.said = { crossLinks: ["first", "second"].map((name) => ({ name, target: "below" })) };
    const chain = await registerAll(store, "below", "above");
    const path = (await store.get(chain[1] as Digest))?.path ?? "";
    expect(chain[0]).toBe(lower);
    expect(await readFile(join(path, "first"), "utf8")).toBe("below");
    const [first, second] = await Promise.all(["first", "second"].map((name) => stat(join(path, name))));
    expect(first?.ino).toBe(second?.ino);
    expect(first?.nlink).toBe(3);
    expect((await stat(join(path, "below"))).ino).toBe(first?.ino);
  });

  it("is unpacked again where a link of a lower layer leads, wherever its blob is by then", async () => {
    await registerAll(store, "below");
    const [lower, source] = await Promise.all(["below", "above"].map(blobOf));
    const [first, second] = places([lower, source] as LayerSource[]);
    if (!first || !second || !source || !("path" in source.blob)) throw new Error("no layers");
    await symlink("somewhere", join((await store.get(first.chainId))?.path ?? "", "dir"));
    unpacker.said = { assumedParents: ["dir"] };
    await store.prepare(source, second);
    const moved = join(directory, "moved");
    await rename(source.blob.path, moved);
    unpacker.before = async () => {
      unpacker.said = {};
    };
    await store.register({ ...source, blob: { path: moved } }, second);
    const [again] = unpacker.orders.slice(-1);
    expect([again?.blobPath, again?.lowerLinks]).toEqual([moved, new Map([["dir", "somewhere"]])]);
  });

  it("is refused with entries in a file of a lower layer", async () => {
    await registerAll(store, "below");
    unpacker.said = { assumedParents: ["below"] };
    await expect(registerAll(store, "below", "above")).rejects.toThrow(ErrInvalidArgument);
    expect(await staged()).toEqual([]);
  });

  it("takes no directory's time, although a link is made in it afterwards", async () => {
    await registerAll(store, "below");
    unpacker.before = async ({ directory: tree }) => {
      execFileSync("sh", ["-c", "mkdir dir && touch -d 2001-02-03T04:05:06Z dir"], { cwd: tree });
    };
    unpacker.said = { crossLinks: [{ name: "dir/link", target: "below" }] };
    const chain = await registerAll(store, "below", "above");
    const seen = await stat(join((await store.get(chain[1] as Digest))?.path ?? "", "dir"));
    expect(seen.mtime.toISOString()).toBe("2001-02-03T04:05:06.000Z");
  });

  it.each([
    ["nothing", "missing"],
    ["a directory", ""],
  ])("is refused when it links to %s", async (_, target) => {
    await registerAll(store, "below");
    unpacker.said = { crossLinks: [{ name: "link", target }] };
    await expect(registerAll(store, "below", "above")).rejects.toThrow(ErrInvalidArgument);
    expect(await staged()).toEqual([]);
  });

  it("looks as it does below where the layer has no entry for a directory", async () => {
    const lower = (await registerAll(store, "below"))[0] as Digest;
    const below = (await store.get(lower))?.path ?? "";
    execFileSync("sh", ["-c", "mkdir dir && chmod 2711 dir && touch -d 2001-02-03T04:05:06Z dir"], {
      cwd: below,
    });
    unpacker.before = async ({ directory: tree }) => {
      await mkdir(join(tree, "dir"));
    };
    unpacker.said = { implicitParents: ["dir", "dir/nowhere"] };
    const chain = await registerAll(store, "below", "above");
    const seen = await stat(join((await store.get(chain[1] as Digest))?.path ?? "", "dir"));
    expect(seen.mode & 0o7777).toBe(0o2711);
    expect(seen.mtime.toISOString()).toBe("2001-02-03T04:05:06.000Z");
  });
});
