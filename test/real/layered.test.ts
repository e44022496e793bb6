import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { isInvalidArgument } from "../../src/errors.ts";
import { chainIds } from "../../src/oci/chain-id.ts";
import { campaign } from "../chaos/support/campaign.ts";
import { canMount } from "../content/support/small-disk.ts";
import { type TreeEntry, treeOf } from "../layer/unpack/support/tree.ts";
import { type WrittenEntry, writeTestTar } from "../tar/support/tar-writer.ts";
import { canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { describeReal } from "./support/describe-real.ts";
import { type Layers, showLayers, writeLayeredImage } from "./support/layered-image.ts";
import { randomImage } from "./support/random-image.ts";
import { partOutcome } from "./support/run-part.ts";

const { seed, images } = campaign();

const TAG = "example.com/one:v1";

const isRoot = process.geteuid?.() === 0;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drayage-layered-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dir = (name: string, more: Partial<WrittenEntry> = {}): WrittenEntry => ({
  name,
  flag: "5",
  mode: 0o755,
  mtime: 1,
  ...more,
});
const file = (name: string, more: Partial<WrittenEntry> = {}): WrittenEntry => ({
  name,
  content: name,
  mtime: 2,
  ...more,
});
const hard = (name: string, linkName: string, more: Partial<WrittenEntry> = {}): WrittenEntry => ({
  name,
  flag: "1",
  linkName,
  mtime: 2,
  ...more,
});
/** What `hl/a` is, as its other names say again. */
const OWNED = { mode: 0o4755, uid: 5 };
const soft = (name: string, linkName: string): WrittenEntry => ({ name, flag: "2", linkName, mtime: 3 });
const pax = (name: string, value: string): Partial<WrittenEntry> => ({
  pax: { [`SCHILY.xattr.user.${name}`]: value },
});

/** What unpacking layers side by side has got wrong, each in directories of its own. */
const CASES: Readonly<Record<string, Layers>> = {
  "whiteouts over lower layers": [
    [dir("wh"), file("wh/gone"), file("wh/kept"), dir("wh/d"), file("wh/d/x"), soft("wh/l", "kept")],
    [file("wh/.wh.gone"), file("wh/.wh.d"), file("wh/.wh.l"), file("wh/.wh.never")],
    [dir("wh/d"), file("wh/d/new"), file("wh/.wh.gone")],
  ],
  "whiteouts where nothing lies below": [
    [dir("vain"), file("vain/.wh.x"), file("vain/y")],
    [dir("vain2"), file("vain2/.wh.x")],
  ],
  "opaque directories": [
    [dir("op"), file("op/below"), dir("op/sub"), file("op/sub/x")],
    [dir("op", { mode: 0o750 }), file("op/.wh..wh..opq"), file("op/above"), file("op/.wh.below")],
    [dir("op"), file("op/later"), dir("op/sub")],
  ],
  "directories that a layer has only because it hides something in them": [
    [
      dir("mk"),
      ...["mk/w", "mk/o", "mf"].flatMap((name) => [
        dir(name, { mode: 0o700, uid: 1 }),
        dir(`${name}/a`, { mode: 0o700, uid: 1 }),
        file(`${name}/a/x`),
      ]),
      dir("mk/v"),
    ],
    [
      file("mk/w/a/.wh..wh..opq"),
      file("mk/.wh.w"),
      file("mk/w/a/b"),
      file("mk/o/a/.wh.x"),
      file("mk/o/.wh..wh..opq"),
      file("mk/o/a/y"),
      file("mf/y"),
      file("mf/a/.wh.x"),
      file(".wh.mf"),
      file("mf/a/z"),
      file("mk/v/a/.wh.x"),
      file("mk/.wh.v"),
    ],
  ],
  "an opaque directory over a file": [[file("opf")], [dir("opf"), file("opf/.wh..wh..opq"), file("opf/x")]],
  "hard links across layers": [
    [dir("hl"), file("hl/a", { mode: 0o4755, uid: 5, ...pax("a", "v") })],
    [hard("hl/b", "hl/a", OWNED), dir("hl2"), hard("hl2/c", "hl/b", OWNED)],
    [file("hl/.wh.b")],
  ],
  "hard links to symbolic links of lower layers": [
    [dir("hs"), soft("hs/a", "nowhere")],
    [hard("hs/b", "hs/a"), hard("hs/c", "hs/b")],
  ],
  "hard links to what a layer between has replaced or taken away": [
    [dir("hr"), file("hr/a", { content: "old" }), file("hr/b", { content: "old" }), hard("hr/c", "hr/b")],
    [file("hr/a", { content: "new" }), file("hr/.wh.b")],
    [hard("hr/of-a", "hr/a"), hard("hr/of-c", "hr/c")],
  ],
  "hard links to what the layer itself replaces or takes away later": [
    [
      dir("hx"),
      file("hx/a", { content: "old" }),
      file("hx/b", { content: "old" }),
      soft("hx/c", "a"),
      dir("hx/d"),
      file("hx/d/x", { content: "old" }),
      dir("hx/l"),
      file("hx/l/x", { content: "hidden" }),
    ],
    [
      hard("hx/of-a", "hx/a"),
      hard("hx/again", "hx/a"),
      file("hx/a", { content: "new" }),
      hard("hx/of-b", "hx/b"),
      file("hx/.wh.b"),
      hard("hx/of-c", "hx/c", { mtime: 3 }),
      soft("hx/c", "b"),
      hard("hx/of-x", "hx/d/x"),
      soft("hx/d", "nowhere"),
      soft("hx/l", "e"),
      dir("hx/e"),
      hard("hx/of-e", "hx/of-x"),
    ],
  ],
  "hard links through links that the layer makes": [
    [dir("hy"), dir("hy/d"), file("hy/d/x"), dir("hy/l"), file("hy/l/x", { content: "hidden" })],
    [soft("hy/l", "d"), hard("hy/of-x", "hy/l/x"), soft("hy/l", "nowhere")],
  ],
  "hard links to devices and FIFOs of lower layers": [
    [
      dir("hd"),
      { name: "hd/p", flag: "6", mtime: 4 },
      { name: "hd/null", flag: "3", major: 1, minor: 3, mtime: 4 },
    ],
    [hard("hd/p2", "hd/p", { mtime: 4 }), hard("hd/null2", "hd/null", { mtime: 4 })],
  ],
  "parents that only a lower layer has": [
    [dir("par", { mode: 0o2711, uid: 7, gid: 8, ...pax("p", "v") }), dir("par/sub", { mode: 0o1777 })],
    [file("par/sub/x")],
    [file("par/y")],
  ],
  "parents that are links of a lower layer": [
    [
      dir("lk"),
      dir("lk/usr"),
      dir("lk/usr/bin"),
      file("lk/usr/bin/sh"),
      soft("lk/bin", "usr/bin"),
      soft("lk/abs", "/lk/usr"),
    ],
    [file("lk/bin/tool"), file("lk/abs/bin/other"), hard("lk/copy", "lk/bin/sh"), file("lk/abs/bin/.wh.sh")],
    [hard("lk/again", "lk/bin/tool"), dir("lk/bin/deep"), file("lk/bin/deep/x")],
  ],
  "parents that are links to links of a lower layer": [
    [
      dir("ll"),
      dir("ll/d"),
      dir("ll/d/e"),
      soft("ll/one", "d"),
      soft("ll/d/two", "e"),
      soft("ll/loose", "nowhere/yet"),
    ],
    [file("ll/one/two/x"), file("ll/loose/y")],
  ],
  "links that climb further up than the image goes": [
    [dir("up"), dir("up/d"), soft("up/l", "../../../up/d"), soft("up/m", "../..")],
    [
      file("up/l/x"),
      hard("up/y", "up/l/x"),
      file("up/m/up/z"),
      soft("up/n", "../../up/m/up/d"),
      file("up/n/w"),
    ],
  ],
  "links of a lower layer that the layer replaces when it has gone through them": [
    [dir("lr"), dir("lr/d"), dir("lr/e"), soft("lr/l", "d"), soft("lr/m", "d"), soft("lr/n", "d")],
    [
      file("lr/l/x"),
      file("lr/l"),
      file("lr/m/y"),
      soft("lr/m", "e"),
      file("lr/m/z"),
      file("lr/n/w"),
      file("lr/.wh.n"),
    ],
  ],
  "a link of a lower layer that a directory replaces": [
    [dir("rl"), dir("rl/d"), file("rl/d/x"), soft("rl/l", "d")],
    [dir("rl/l"), file("rl/l/y")],
  ],
  "a directory replaced by a file and back": [
    [dir("fb"), dir("fb/d"), file("fb/d/x")],
    [file("fb/d")],
    [dir("fb/d", { mode: 0o700 }), file("fb/d/y")],
  ],
  "a directory replaced by a file and back in one layer": [
    [dir("fo"), dir("fo/d"), file("fo/d/x"), dir("fo/e"), file("fo/e/x")],
    [file("fo/d"), dir("fo/d"), file("fo/d/y"), { name: "fo/e", flag: "6", mtime: 4 }, dir("fo/e")],
  ],
  "permissions and attributes that a directory has no more": [
    [dir("at", { mode: 0o3777, ...pax("a", "v") }), dir("at/d", { mode: 0o2755 })],
    [
      dir("at", { mode: 0o700, ...pax("b", "w") }),
      dir("at/new"),
      dir("at/d", { mode: 0o755 }),
      dir("at/d/new"),
    ],
  ],
};

/** The same in one image: each case has names of its own. */
const ALL: Layers = [0, 1, 2].map((at) => Object.values(CASES).flatMap((layers) => layers[at] ?? []));

/** What a tree shows, without what nobody can say: times of directories change with what is made in them. */
function comparable(tree: Readonly<Record<string, TreeEntry>>): Record<string, TreeEntry> {
  const { ".": _, ...below } = tree;
  return Object.fromEntries(
    Object.entries(below).map(([path, entry]) => [
      path,
      entry.type === "directory" ? { ...entry, mtime: 0 } : entry,
    ]),
  );
}

/** The same without directories that hold nothing and that `other` has not: umoci makes none for what only hides something. */
function withoutEmpty(
  tree: Record<string, TreeEntry>,
  other: Readonly<Record<string, TreeEntry>>,
): Record<string, TreeEntry> {
  const kept = { ...tree };
  for (const path of Object.keys(tree).toSorted().toReversed()) {
    const isEmpty = !Object.keys(kept).some((one) => one.startsWith(`${path}/`));
    if (kept[path]?.type === "directory" && isEmpty && !other[path]) delete kept[path];
  }
  return kept;
}

/** What umoci makes of an image, one layer on the other; `undefined` when it refuses it. */
async function unpackByUmoci(layers: Layers): Promise<Record<string, TreeEntry> | undefined> {
  const [layout, rootfs] = [join(folder, "layout"), join(folder, "umoci")];
  writeLayeredImage(layout, layers, "one");
  const { status } = await partOutcome("umoci", ["raw", "unpack", "--image", `${layout}:one`, rootfs]);
  return status === 0 ? treeOf(rootfs) : undefined;
}

/**
 * Each name of a file as a file of its own: where two layers link to a file, overlayfs has two copies of it, which directories that
 * were unpacked one on the other have not.
 */
function withoutLinks(tree: Readonly<Record<string, TreeEntry>>): Record<string, TreeEntry> {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => [
      path,
      (entry.type === "hardlink" && tree[entry.link]) || entry,
    ]),
  );
}

/** Returns whether both took the image. */
async function expectLikeUmoci(layers: Layers, label: string): Promise<boolean> {
  const theirs = await unpackByUmoci(layers);
  const shown = await showLayers(folder, layers, canMount).catch((error: unknown) => {
    expect(isInvalidArgument(error), `${label}: ${String(error)}`).toBe(true);
  });
  if (!theirs || !shown) return false;
  for (const tree of [shown.assembled, shown.mounted ?? shown.assembled]) {
    const [ours, wanted] = [withoutEmpty(tree, theirs), theirs].map((one) => withoutLinks(comparable(one)));
    expect(ours, label).toEqual(wanted);
  }
  return true;
}

describeReal("layers that are unpacked side by side show what they do one on the other", ["umoci"], () => {
  it.skipIf(!isRoot).each(Object.entries(CASES))("with %s", async (name, layers) => {
    expect(await expectLikeUmoci(layers, name)).toBe(true);
  });

  it.skipIf(!isRoot)(
    `with ${images} random images (CHAOS_SEED=${seed})`,
    { timeout: 60_000 + images * 2_000 },
    async () => {
      for (let number = 0; number < images; number++) {
        const layers = randomImage(`${seed} ${number}`);
        await expectLikeUmoci(layers, `CHAOS_SEED=${seed}, image ${number}: ${JSON.stringify(layers)}`);
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      }
    },
  );
});

describeReal("layers that are unpacked side by side show what containerd does", ["containerd", "ctr"], () => {
  // Into overlayfs containerd unpacks without the lower layers, and has some of this wrong; the native one is sequential: it keeps attributes that a directory has no more, and a whiteout removes what its own layer has put there.
  it.skipIf(!canRunContainerd || !canMount).each([
    ["native", without(ALL, ["hs", "at", "mf"])],
    [
      "overlayfs",
      without(ALL, [
        "hl",
        "hr",
        "hs",
        "hx",
        "hy",
        "hd",
        "lk",
        "ll",
        "up",
        "lr",
        "vain",
        "op",
        "mk",
        "mf",
        "fo",
      ]),
    ],
  ])(
    "by its snapshotter %s, with all of that in one image",
    { timeout: 60_000 },
    async (snapshotter, layers) => {
      const target = join(folder, "target");
      mkdirSync(target);
      await using containerd = await startContainerd({
        folder: join(folder, "containerd"),
        collectsGarbage: false,
      });
      const shown = await showLayers(folder, layers, true);
      await importInto(containerd.socket, layers, snapshotter);
      const uppermost = chainIds(layers.map((entries) => digestOf(writeTestTar(entries)))).at(-1) ?? "";
      const snapshots = ["snapshots", "--snapshotter", snapshotter];
      await ctr(containerd.socket, [...snapshots, "prepare", "shown", uppermost]);
      execFileSync("sh", ["-c", await ctr(containerd.socket, [...snapshots, "mounts", target, "shown"])]);
      try {
        const theirs = comparable(treeOf(target));
        expect(comparable(shown.assembled)).toEqual(theirs);
        expect(comparable(shown.mounted ?? {})).toEqual(theirs);
      } finally {
        execFileSync("umount", [target]);
      }
    },
  );
});

async function importInto(socket: string, layers: Layers, snapshotter: string): Promise<void> {
  const [layout, archive] = [join(folder, "layout"), join(folder, "image.tar")];
  writeLayeredImage(layout, layers, TAG);
  execFileSync("tar", ["-cf", archive, "-C", layout, "."]);
  await ctr(socket, ["images", "import", "--snapshotter", snapshotter, archive]);
}

/** The image without what is in these directories. */
function without(layers: Layers, directories: readonly string[]): Layers {
  const isWanted = ({ name }: WrittenEntry): boolean =>
    !directories.some((one) => name.replace("2", "").split("/")[0] === one);
  return layers.map((entries) => entries.filter(isWanted));
}
