import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrFailedPrecondition, ErrNotFound } from "../../../src/errors.ts";
import { type LayerPlace, type LayerSource, type LayerStore, openLayerStore } from "../../../src/layer.ts";
import { chainIds } from "../../../src/oci/chain-id.ts";
import { ownsAll } from "../../support/owns-all.ts";

let directory: string;
let root: string;
let store: LayerStore;
let lower: LayerSource & { readonly place: LayerPlace };
let upper: LayerSource & { readonly place: LayerPlace };

/** What the lower layer holds: one of each kind that any user can make. */
const LOWER = `mkdir -p etc usr/bin && echo hello >etc/motd && echo run >usr/bin/run && chmod 4755 usr/bin/run &&
  ln usr/bin/run usr/bin/twin && ln -s ../etc/motd usr/link && truncate -s 1M usr/sparse && echo end >>usr/sparse &&
  mkfifo usr/pipe && touch -d @1000000000 etc/motd usr etc`;

/** The upper one: a directory without an entry, a whiteout, a link to a file of the lower layer. */
const UPPER = `mkdir -p etc usr/bin && echo above >etc/issue && touch etc/.wh.motd && echo run >usr/bin/run &&
  ln usr/bin/run usr/bin/again`;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-verify-"));
  root = join(directory, "root");
  store = await openLayerStore({ root, workers: 0 });
  const sources = [await archiveOf(LOWER, ["."]), await archiveOf(UPPER, ["etc/issue", "etc/.wh.motd"])];
  const [first = "sha256:", second = "sha256:"] = chainIds(sources.map(({ diffId }) => diffId));
  lower = { ...(sources[0] as LayerSource), place: { chainId: first, parent: undefined } } as typeof lower;
  upper = { ...(sources[1] as LayerSource), place: { chainId: second, parent: first } } as typeof upper;
  for (const layer of [lower, upper]) await store.release(await store.register(layer, layer.place));
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function archiveOf(script: string, names: readonly string[]): Promise<LayerSource> {
  const tree = await mkdtemp(join(directory, "tree-"));
  execFileSync("sh", ["-ec", script], { cwd: tree });
  const path = `${tree}.tar`;
  execFileSync("tar", ["-c", "-f", path, "-C", tree, "--sort=name", "--sparse", ...names]);
  return { diffId: digestOf(await readFile(path)), blob: { path } };
}

/** Whether this process may mount an overlay. */
const canMount =
  spawnSync("unshare", ["--mount", "mount", "-t", "overlay", "overlay", "-o", "lowerdir=/usr:/etc", "/mnt"])
    .status === 0;

const directoryOf = ({ place }: typeof lower): string =>
  join(root, "layers", place.chainId.replace(":", "/"));
const at = (layer: typeof lower, ...path: string[]): string => join(directoryOf(layer), ...path);
const shell = (layer: typeof lower, script: string): void =>
  void execFileSync("sh", ["-ec", script], { cwd: directoryOf(layer) });
const left = (): Promise<readonly string[]> => readdir(join(root, "layers", "staging"));

/** Runs a command in a directory of the layer, whose time stays. */
const quietly = (folder: string, command: string): string =>
  `t=$(stat -c %y ${folder}); ${command}; touch -d "$t" ${folder}`;

describe("LayerStore.verify()", () => {
  it("compares a layer when those below it are as they should be, and unpacks it before", async () => {
    await rm(directoryOf(lower), { recursive: true });
    const below = async (): Promise<void> => {
      const staged = await readdir(join(root, "layers", "staging"));
      expect(staged).toHaveLength(1); // the upper one, which waits
      expect((await store.verify(lower, lower.place, { repair: true })).repaired).toBe(true);
    };
    expect((await store.verify(upper, upper.place, { below })).differences.count).toBe(0);
  });

  it("finds nothing in layers that are what their blobs make", async () => {
    for (const layer of [lower, upper]) {
      const verified = await store.verify(layer, layer.place, { repair: true });
      expect(verified).toMatchObject({ differences: { count: 0, examples: [] }, repaired: false });
    }
    expect(await left()).toEqual([]);
  });

  const DAMAGE: ReadonlyArray<readonly [string, "lower" | "upper", string, readonly string[]]> = [
    [
      "a file that was emptied",
      "lower",
      "truncate -s 0 fs/etc/motd && touch -d @1000000000 fs/etc/motd",
      ["etc/motd: size, content"],
    ],
    [
      "a flipped byte",
      "lower",
      "printf j | dd status=none of=fs/etc/motd conv=notrunc; touch -d @1000000000 fs/etc/motd",
      ["etc/motd: content"],
    ],
    ["a file that was cut", "lower", "truncate -s 3 fs/etc/motd", ["etc/motd: time, size, content"]],
    ["a file that is gone", "lower", quietly("fs/usr", "rm fs/usr/link"), ["usr/link: missing"]],
    [
      "a file that is not the layer's",
      "upper",
      quietly("fs/etc", ": >fs/etc/new"),
      ["etc/new: not of the layer"],
    ],
    ["other permissions", "lower", "chmod 600 fs/etc/motd", ["etc/motd: permissions"]],
    ["another time", "lower", "touch -d @5 fs/etc", ["etc: time"]],
    [
      "another target of a link",
      "lower",
      quietly("fs/usr", 'u=$(stat -c %y fs/usr/link); ln -sfn away fs/usr/link; touch -hd "$u" fs/usr/link'),
      ["usr/link: target"],
    ],
    [
      "hard links that are two files now",
      "lower",
      quietly("fs/usr/bin", "cp -p fs/usr/bin/twin x; mv x fs/usr/bin/twin"),
      ["usr/bin/twin: type, size, target, content"],
    ],
    [
      "a directory that is a file now",
      "lower",
      "rm -r fs/etc; : >fs/etc; touch -d @1000000000 fs/etc",
      ["/: time", "etc: type, permissions", "etc/motd: missing"],
    ],
    ["a whiteout that is gone", "upper", "rm hidden.json", ["hidden.json: whiteouts"]],
    ["a record that is cut", "upper", "printf %s { >layer.json", ["layer.json: missing or damaged"]],
    ["a record that is gone", "upper", "rm layer.json", ["layer.json: missing or damaged"]],
    [
      "a record that says something else",
      "upper",
      'sed -i \'s/"entries":2/"entries":3/\' layer.json',
      ["layer.json: entries"],
    ],
    [
      "a record of a future that nobody knows",
      "upper",
      'sed -i \'s/"overlay":"[a-z]*"/"overlay":"else"/\' layer.json',
      ["layer.json: missing or damaged"],
    ],
    ["a tree that is gone", "upper", "rm -r fs", ["fs: missing"]],
    ["a file in the place of the tree", "upper", "rm -r fs; : >fs", ["fs: missing"]],
  ];

  it.each(DAMAGE)("names and heals %s", async (_, which, script, examples) => {
    const layer = which === "lower" ? lower : upper;
    shell(layer, script);
    const found = await store.verify(layer, layer.place);
    expect(found).toMatchObject({ differences: { count: examples.length, examples }, repaired: false });
    const repaired = await store.verify(layer, layer.place, { repair: true });
    expect(repaired).toMatchObject({ differences: found.differences, repaired: true });
    expect((await store.verify(layer, layer.place)).differences.count).toBe(0);
    expect(await left()).toEqual([]);
    expect(await readdir(join(root, "layers", "replaced"))).toEqual([]);
  });

  it("makes a layer that is missing", async () => {
    await rm(directoryOf(upper), { recursive: true });
    const { differences, repaired } = await store.verify(upper, upper.place, { repair: true });
    expect(differences.examples).toEqual(["missing"]);
    expect(repaired).toBe(true);
    expect(await readFile(at(upper, "fs/etc/issue"), "utf8")).toBe("above\n");
  });

  it.runIf(ownsAll)("names devices, owners and attributes", async () => {
    shell(lower, "chown 5:6 fs/usr/pipe");
    expect((await store.verify(lower, lower.place)).differences.examples).toEqual(["usr/pipe: owner"]);
    shell(upper, "rm fs/etc/motd; mknod fs/etc/motd c 1 3");
    expect((await store.verify(upper, upper.place)).differences.examples).toContainEqual(
      expect.stringMatching(/^etc\/motd: .*device/),
    );
  });

  it("leaves a layer that it replaces to who uses it", async () => {
    await using other = await openLayerStore({ root, workers: 0 });
    const used = await other.get(lower.place.chainId);
    const { ino } = await stat(used?.path ?? "");
    shell(lower, ": >fs/etc/motd");
    expect((await store.verify(lower, lower.place, { repair: true })).repaired).toBe(true);
    const [name = ""] = await readdir(join(root, "layers", "replaced"));
    expect((await stat(join(root, "layers", "replaced", name, "fs"))).ino).toBe(ino);
    await other.close();
    expect(await readdir(join(root, "layers", "replaced"))).toEqual([]);
    expect(await readFile(at(lower, "fs/etc/motd"), "utf8")).toBe("hello\n");
  });

  it.runIf(canMount)(
    "leaves a layer that it replaces to who has mounted it, until it is mounted no more",
    async () => {
      const target = join(directory, "mounted");
      await mkdir(target);
      const { mounts } = await store.mounts([lower.place.chainId, upper.place.chainId]);
      for (const { type, source, options } of mounts) {
        execFileSync("mount", ["-t", type, source, "-o", options.join(","), target]);
      }
      try {
        shell(lower, "rm fs/etc/motd");
        expect((await store.verify(lower, lower.place, { repair: true })).repaired).toBe(true);
        expect(await readdir(join(target, "usr"))).toEqual(["bin", "link", "pipe", "sparse"]);
        await store.close();
        expect(await readdir(join(root, "layers", "replaced"))).toHaveLength(1);
        expect(await readFile(join(target, "usr/bin/run"), "utf8")).toBe("run\n");
      } finally {
        execFileSync("umount", [target]);
      }
      await (await openLayerStore({ root })).close();
      expect(await readdir(join(root, "layers", "replaced"))).toEqual([]);
    },
  );

  it("believes a layer of an earlier start of the machine that has lost nothing", async () => {
    shell(lower, `sed -i 's/"boot":"[^"]*"/"boot":"another"/' layer.json`);
    expect(await store.get(lower.place.chainId)).toBeUndefined();
    expect((await store.verify(lower, lower.place)).differences.count).toBe(0);
    expect(await store.get(lower.place.chainId)).toBeDefined();
  });

  it("touches nothing when the blob is damaged, the layer below is gone, or it is told to stop", async () => {
    const before = await stat(at(upper, "fs"));
    const path = join(directory, "cut");
    await writeFile(path, (await readFile((upper.blob as { readonly path: string }).path)).subarray(0, 700));
    const cut = { ...upper, blob: { path } };
    await expect(store.verify(cut, upper.place, { repair: true })).rejects.toThrow(ErrDataLoss);
    const signal = AbortSignal.abort();
    await expect(store.verify(upper, upper.place, { repair: true, signal })).rejects.toThrow(ErrCanceled);
    await rm(directoryOf(lower), { recursive: true });
    await expect(store.verify(upper, upper.place, { repair: true })).rejects.toThrow(ErrNotFound);
    expect((await stat(at(upper, "fs"))).ino).toBe(before.ino);
    expect(await left()).toEqual([]);
  });

  it("says so when a layer was made by somebody with other rights", async () => {
    shell(lower, `sed -i 's/"missing":\\[/"missing":["1 devices"/' layer.json`);
    await expect(store.verify(lower, lower.place)).rejects.toThrow(ErrFailedPrecondition);
  });

  it("counts all differences, and tells the first few", async () => {
    await mkdir(at(lower, "fs/more"));
    for (let index = 0; index < 20; index++) await writeFile(at(lower, "fs/more", String(index)), "");
    const { differences } = await store.verify(lower, lower.place);
    expect(differences.count).toBeGreaterThanOrEqual(21);
    expect(differences.examples).toHaveLength(8);
  });
});
