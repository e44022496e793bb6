import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrAlreadyExists, ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../../src/errors.ts";
import { findAbilities } from "../../../src/layer/unpack/find-abilities.ts";
import { propertyRuns } from "../../support/property-runs.ts";
import type { WrittenEntry } from "../../tar/support/tar-writer.ts";
import { comparable, ImageRoom, layerOfArchive, type TestLayer, testLayer } from "./support/image-room.ts";
import { randomImage } from "./support/random-image.ts";

const file = (name: string, content = name): WrittenEntry => ({
  name,
  flag: "0",
  mode: 0o644,
  mtime: 5,
  content: Buffer.from(content),
});
const directory = (name: string, mode = 0o755): WrittenEntry => ({ name, flag: "5", mode, mtime: 6 });
const link = (name: string, linkName: string): WrittenEntry => ({ name, flag: "2", mtime: 7, linkName });
const hardLink = (name: string, linkName: string): WrittenEntry => ({ name, flag: "1", linkName });

/** What is unpacked and assembled, what is extracted, and what is listed, are one. */
async function expectSame(room: ImageRoom, layers: readonly TestLayer[], assembled: string): Promise<void> {
  const { directory: extracted, outcome } = await room.extract(layers);
  const tree = comparable(extracted);
  expect(tree).toEqual(comparable(assembled));
  const listed = await room.list(layers);
  const { devices, fifos } = await findAbilities(room.folder);
  const wanted = listed.filter(({ type }) => (type === "fifo" ? fifos : devices || !type.endsWith("device")));
  expect(outcome.entries).toBe(wanted.length);
  const made = Object.keys(tree).filter((path) => path !== ".");
  expect(wanted.map(({ path }) => latin1(`.${path}`)).toSorted()).toEqual(made.toSorted());
  for (const { path, type, mode, size, mtime, linkTarget = "" } of wanted) {
    const link = type === "symlink" ? latin1(linkTarget) : "";
    const time = type === "directory" ? {} : { mtime: mtime * 1e6, link };
    expect(tree[latin1(`.${path}`)]).toMatchObject({ type, mode: mode.toString(8), size, ...time });
  }
}

async function expectRefused(room: ImageRoom, layers: readonly TestLayer[], error: unknown): Promise<void> {
  expect(error).toBeInstanceOf(ErrInvalidArgument);
  const target = room.path("nothing");
  await expect(room.extract(layers, { directory: target })).rejects.toThrow(ErrInvalidArgument);
  expect(readdirSync(target)).toEqual([]);
}

function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}

describe("extractImage(), of everything", () => {
  it("makes what the unpacked layers show together, and lists what it makes (seed printed on failure)", {
    timeout: 300_000,
  }, async () => {
    const counts = { whole: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(randomImage, async (image) => {
        using room = new ImageRoom();
        const layers = image.map(testLayer);
        const assembled = await room.assemble(layers).catch((error: unknown) => error);
        if (typeof assembled === "string") await expectSame(room, layers, assembled);
        else await expectRefused(room, layers, assembled);
        counts[typeof assembled === "string" ? "whole" : "refused"]++;
      }),
      { numRuns: propertyRuns(40) },
    );
    expect(counts.whole).toBeGreaterThan(counts.refused / 4);
  });

  it("reads each layer once", async () => {
    using room = new ImageRoom();
    const layers = [
      testLayer([file("a"), hardLink("b", "a")]),
      testLayer([hardLink("c", "a"), link("d", "a")]),
    ];
    const { directory: made } = await room.extract(layers);
    expect(layers.map(({ opened }) => opened)).toEqual([1, 1]);
    expect(readdirSync(made)).toEqual(["a", "b", "c", "d"]);
    const inodes = ["a", "b", "c"].map((name) => lstatSync(join(made, name)).ino);
    expect(new Set(inodes).size).toBe(1);
  });

  it("keeps the old content under a hard link of which the other name is replaced later", async () => {
    using room = new ImageRoom();
    const layers = [
      testLayer([file("a", "old")]),
      testLayer([hardLink("b", "a")]),
      testLayer([file("a", "new")]),
    ];
    const { directory: made } = await room.extract(layers);
    expect(readFileSync(join(made, "a"), "utf8")).toBe("new");
    expect(readFileSync(join(made, "b"), "utf8")).toBe("old");
  });

  it("links to a file below, rather than to one that comes later in the same archive", async () => {
    using room = new ImageRoom();
    const layers = [testLayer([file("c", "below")]), testLayer([hardLink("a", "c"), file("c", "own")])];
    const { directory: made } = await room.extract(layers);
    expect(readFileSync(join(made, "a"), "utf8")).toBe("below");
    expect(comparable(made)).toEqual(comparable(await room.assemble(layers)));
  });

  it.each<[string, WrittenEntry[][]]>([
    ["a hard link in the place of the directory of its file", [[file("d/x")], [hardLink("d", "d/x")]]],
    [
      "a hard link to a name that another one has later",
      [
        [file("a"), file("b")],
        [hardLink("c", "a"), hardLink("a", "b"), hardLink("d", "a")],
      ],
    ],
    [
      "a hard link to a link of a lower layer that the layer goes through",
      [
        [directory("d"), link("l", "d")],
        [file("l/x"), hardLink("h", "l"), hardLink("i", "l/x")],
      ],
    ],
    [
      "a directory in the place of a file that a link of a lower layer leads to",
      [
        [file("a"), link("b", "a/c")],
        [file(".wh.a"), directory("a"), file("b/x")],
      ],
    ],
    [
      "a whiteout through a link of a lower layer, of what the layer goes through",
      [
        [file("c"), directory("a"), link("a/b", "..")],
        [file("a/b/.wh.c"), file("c/x")],
      ],
    ],
    [
      "a whiteout of a directory that the layer has put something into",
      [
        [directory("d", 0o2750), directory("d/e", 0o700), file("d/e/x")],
        [file("d/e/y"), file(".wh.d")],
      ],
    ],
  ])("makes of %s what is unpacked", async (_, image) => {
    using room = new ImageRoom();
    const layers = image.map(testLayer);
    await expectSame(room, layers, await room.assemble(layers));
  });

  it("leaves nothing under the name of a device that cannot be made", async () => {
    using room = new ImageRoom();
    const { directory: made, outcome } = await room.extract([
      testLayer([{ name: "null", flag: "3", major: 1, minor: 3 }]),
    ]);
    const { devices } = await findAbilities(room.folder);
    expect(readdirSync(made)).toEqual(devices ? ["null"] : []);
    expect(outcome.entries).toBe(devices ? 1 : 0);
  });

  it("takes what only a lower layer says of a directory", async () => {
    using room = new ImageRoom();
    const layers = [testLayer([directory("d/", 0o2750)]), testLayer([file("d/a")])];
    const { directory: made } = await room.extract(layers);
    expect(lstatSync(join(made, "d")).mode & 0o7777).toBe(0o2750);
    expect(await room.list(layers)).toMatchObject([
      { path: "/d", mode: 0o2750, layer: layers[0]?.digest },
      { path: "/d/a", layer: layers[1]?.digest },
    ]);
  });

  it("lets the event loop go on, also where a few bytes become a large layer", async () => {
    using room = new ImageRoom();
    const zeros: WrittenEntry = { name: "zeros", content: Buffer.alloc(128 * 1024 * 1024) };
    const small = Array.from({ length: 20_000 }, (_, at) => file(`d/${at}`));
    const layers = [testLayer([zeros, ...small])];
    let turns = 0;
    const count = (): void => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await room.list(layers);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(4);
  });

  it("refuses a directory with something in it, and leaves that alone", async () => {
    using room = new ImageRoom();
    const target = room.path("mine");
    mkdirSync(target);
    writeFileSync(join(target, "kept"), "");
    await expect(room.extract([testLayer([file("a")])], { directory: target })).rejects.toThrow(
      ErrAlreadyExists,
    );
    expect(readdirSync(target)).toEqual(["kept"]);
  });
});

describe("extractImage(), of paths", () => {
  const base = testLayer([
    directory("usr/"),
    directory("usr/bin/"),
    link("bin", "usr/bin"),
    file("usr/bin/perl5", "perl"),
    hardLink("usr/bin/perl", "usr/bin/perl5"),
    link("usr/bin/sh", "/bin/perl"),
    directory("etc/"),
    file("etc/os-release"),
    directory("etc/apt/"),
    file("etc/apt/sources"),
    file("var/big"),
  ]);

  it("makes the path, what is below, and what leads there", async () => {
    using room = new ImageRoom();
    const { directory: made, outcome } = await room.extract([base], { paths: ["etc/apt"] });
    expect(Object.keys(comparable(made))).toEqual([".", "./etc", "./etc/apt", "./etc/apt/sources"]);
    expect(outcome).toMatchObject({ entries: 3, bytes: "etc/apt/sources".length });
  });

  it("reads a layer again only for a content that nobody could know to be wanted", async () => {
    using room = new ImageRoom();
    const layers = [testLayer([file("other/x")]), layerOfArchive(base.archive)];
    const { directory: made } = await room.extract(layers, { paths: ["usr/bin/perl"] });
    expect(readFileSync(join(made, "usr/bin/perl"), "utf8")).toBe("perl");
    expect(layers.map(({ opened }) => opened)).toEqual([1, 2]);
    expect(readdirSync(join(made, "usr/bin"))).toEqual(["perl"]);
  });

  it("follows links on the way, and makes them", async () => {
    using room = new ImageRoom();
    const { directory: made } = await room.extract([base], { paths: ["bin/perl5"] });
    expect(readlinkSync(join(made, "bin"))).toBe("usr/bin");
    expect(readFileSync(join(made, "usr/bin/perl5"), "utf8")).toBe("perl");
  });

  it("follows a link at the end only when told", async () => {
    using room = new ImageRoom();
    const kept = await room.extract([base], { paths: ["bin/sh"] });
    expect(readdirSync(join(kept.directory, "usr/bin"))).toEqual(["sh"]);
    const followed = await room.extract([base], { paths: ["bin/sh"], followsLinks: true });
    expect(readdirSync(join(followed.directory, "usr/bin"))).toEqual(["perl", "sh"]);
  });

  it("follows no link out of the image", async () => {
    using room = new ImageRoom();
    const layer = testLayer([
      link("out", "../../../../etc"),
      directory("etc/"),
      file("etc/passwd", "image's"),
    ]);
    const { directory: made } = await room.extract([layer], { paths: ["out/passwd"] });
    expect(readFileSync(join(made, "etc/passwd"), "utf8")).toBe("image's");
    const rings = testLayer([link("a", "b"), link("b", "a")]);
    await expect(room.extract([rings], { paths: ["a/x"] })).rejects.toThrow(/too many symbolic links/);
  });

  it("says which path is not there, and makes nothing", async () => {
    using room = new ImageRoom();
    const target = room.path("nothing");
    const extracting = room.extract([base], { paths: ["etc/apt", "etc/none"], directory: target });
    await expect(extracting).rejects.toThrow(ErrNotFound);
    await expect(room.extract([base], { paths: ["etc/os-release/x"] })).rejects.toThrow(
      '"/etc/os-release/x" is not there',
    );
    expect(readdirSync(target)).toEqual([]);
  });

  it("takes away what an upper layer hides, and brings back what one above has", async () => {
    using room = new ImageRoom();
    const layers = [
      base,
      testLayer([file("etc/.wh.apt", ""), file("usr/.wh..wh..opq", "")]),
      testLayer([file("etc/apt", "a file now")]),
      testLayer([directory("etc/apt"), file("etc/apt/new")]),
    ];
    const { directory: made } = await room.extract(layers, { paths: ["etc", "usr"] });
    expect(Object.keys(comparable(made))).toEqual([
      ".",
      "./etc",
      "./etc/apt",
      "./etc/apt/new",
      "./etc/os-release",
      "./usr",
    ]);
  });
});

describe("extractImage(), of what is wrong", () => {
  const bad = {
    "another diffID": () => ({ ...testLayer([file("a")]), diffId: testLayer([]).diffId }),
    "a cut archive": () =>
      layerOfArchive(testLayer([file("a", "x".repeat(2_000))]).archive.subarray(0, 1_500)),
  };

  it.each(Object.entries(bad))("makes nothing of %s, even of paths that were read", async (_, layer) => {
    using room = new ImageRoom();
    const target = room.path("nothing");
    const layers = [testLayer([file("b")]), layer()];
    await expect(room.extract(layers, { paths: ["b"], directory: target })).rejects.toThrow(ErrDataLoss);
    expect(readdirSync(target)).toEqual([]);
    await expect(room.list(layers)).rejects.toThrow(ErrDataLoss);
  });

  it.each([
    ["leads out", [file("../a")], "its path leads out"],
    ["has too long a name", [file("n".repeat(256))], "a name of 256 bytes"],
    ["has too long a link", [link("l", "x/".repeat(2_048))], "a symbolic link of 4096 bytes"],
    ["links to nothing", [hardLink("a", "nowhere")], "got nothing or a directory, wanted a file"],
    ["links to a directory", [directory("d/"), hardLink("a", "d")], "a hard link to a directory"],
  ])("refuses what %s", async (_, entries, reason) => {
    using room = new ImageRoom();
    const target = room.path("nothing");
    await expect(room.extract([testLayer(entries)], { directory: target })).rejects.toThrow(reason);
    expect(readdirSync(target)).toEqual([]);
    await expect(room.list([testLayer(entries)])).rejects.toThrow(ErrInvalidArgument);
  });

  it("refuses more entries than a layer may have", async () => {
    using room = new ImageRoom();
    const layer = testLayer([file("a"), file("b"), file("c")]);
    await expect(room.extract([layer], { limits: { maxEntries: 2 } })).rejects.toThrow("more than 2 entries");
  });
});
