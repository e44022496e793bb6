import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ImportOptions, importImages } from "../../src/archive/import-images.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrNotFound, ErrNotImplemented } from "../../src/errors/classes.ts";
import {
  DOCKER_CONFIG,
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_ZSTD,
} from "../../src/oci/media-types.ts";
import { parseManifest } from "../../src/oci/parse-document.ts";
import { type DataRoot, openDataRoot } from "./support/data-root.ts";
import { layoutEntries, makeImage } from "./support/image.ts";
import { inPieces, type TestEntry, tarOf } from "./support/tar.ts";

const BASE = await tarOf([{ name: "etc/hostname", bytes: "base" }]);
const TOP = await tarOf([{ name: "app", bytes: "x".repeat(3000) }]);
const CONFIG = configOf(BASE, TOP);
const CONFIG_PATH = `${digestOf(CONFIG).slice(7)}.json`;
const ID = ["a", "b"].map((letter) => letter.repeat(64));
let root: DataRoot;

beforeEach(async () => {
  root = await openDataRoot();
});

afterEach(async () => {
  await root[Symbol.asyncDispose]();
});

function configOf(...layers: readonly Buffer[]): string {
  const rootfs = { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) };
  return JSON.stringify({ os: "linux", architecture: "amd64", rootfs });
}

interface ListEntry {
  readonly Config?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers?: readonly string[] | null;
}

/** docker's list, by default of one image as docker before version 25 saves it. */
function listOf(...images: readonly ListEntry[]): TestEntry {
  const usual = { Config: CONFIG_PATH, RepoTags: ["app:1"], Layers: ID.map((id) => `${id}/layer.tar`) };
  return { name: "manifest.json", bytes: JSON.stringify(images.map((image) => ({ ...usual, ...image }))) };
}

/** The archive as docker before version 25 saves it. */
const SAVED: readonly TestEntry[] = [
  { name: `${ID[0]}/`, type: "directory" },
  { name: `${ID[0]}/VERSION`, bytes: "1.0" },
  { name: `${ID[0]}/json`, bytes: "{}" },
  { name: `${ID[0]}/layer.tar`, bytes: BASE },
  { name: `${ID[1]}/layer.tar`, bytes: TOP },
  { name: CONFIG_PATH, bytes: CONFIG },
  listOf({}),
  { name: "repositories", bytes: `{"app":{"1":"${ID[1]}"}}` },
];

/** The archive with others in place of the entries of the same name; one without content takes its entry away. */
function saved(...others: readonly TestEntry[]): TestEntry[] {
  const kept = SAVED.filter(({ name }) => !others.some((other) => other.name === name));
  return [...kept, ...others.filter(({ bytes, type }) => bytes !== undefined || type !== undefined)];
}

async function importTar(entries: readonly TestEntry[], options: ImportOptions = {}) {
  const { content, images } = root;
  return await importImages(inPieces(await tarOf(entries), 3000), { content, images, ...options });
}

/** The manifest that a name now leads to. */
async function manifestOf(name: string) {
  const { target } = await root.images.get(name);
  return parseManifest(await readBlob(root.content, target), target.mediaType);
}

const layer = (mediaType: string, bytes: Uint8Array) => ({
  mediaType,
  size: bytes.byteLength,
  digest: digestOf(bytes),
});

describe("readDockerList()", () => {
  it("makes docker's manifest of config and layers, which are kept as they are", async () => {
    const [image] = await importTar(SAVED);
    expect(image?.name).toBe("docker.io/library/app:1");
    const { config, layers } = await manifestOf("app:1");
    expect(config).toEqual(layer(DOCKER_CONFIG, Buffer.from(CONFIG)));
    expect(layers).toEqual([layer(DOCKER_LAYER, BASE), layer(DOCKER_LAYER, TOP)]);
    expect(await root.digests()).toHaveLength(4);
  });

  it("makes the same manifest in whatever order the archive is", async () => {
    const [first] = await importTar(SAVED);
    const [second] = await importTar(SAVED.toReversed(), { name: "second" });
    expect(second?.target).toEqual(first?.target);
  });

  it("gives an image all its tags, none of them or the name that it is given", async () => {
    await importTar(saved(listOf({ RepoTags: ["app:1", "quay.io/x/app:2"] })));
    expect(await root.names()).toEqual(["docker.io/library/app:1", "quay.io/x/app:2"]);
    for (const RepoTags of [null, []]) {
      await expect(importTar(saved(listOf({ RepoTags })))).rejects.toThrow("gives no name");
      await importTar(saved(listOf({ RepoTags })), { name: "mine:3" });
    }
    expect(await root.names()).toContain("docker.io/library/mine:3");
  });

  it("brings in several images that share layers", async () => {
    const other = configOf(BASE);
    const path = `${digestOf(other).slice(7)}.json`;
    const list = listOf({}, { Config: path, RepoTags: ["base:1"], Layers: [`${ID[0]}/layer.tar`] });
    await importTar(saved(list, { name: path, bytes: other }));
    expect((await manifestOf("base:1")).layers).toEqual([layer(DOCKER_LAYER, BASE)]);
    expect((await manifestOf("app:1")).layers).toHaveLength(2);
  });

  it("takes an image without layers", async () => {
    const config = configOf();
    const path = `${digestOf(config).slice(7)}.json`;
    await importTar([{ name: path, bytes: config }, listOf({ Config: path, Layers: null })]);
    expect((await manifestOf("app:1")).layers).toEqual([]);
  });

  it.each([
    ["gzip", DOCKER_LAYER_GZIP, gzipSync],
    ["zstd", DOCKER_LAYER_ZSTD, zstdCompressSync],
  ])(
    "takes layers in %s, once they turn out to hold what the config says",
    async (_, mediaType, compress) => {
      const [base, top] = [compress(BASE), compress(TOP)];
      const config = `sha256:${CONFIG_PATH.slice(0, 64)}`;
      const entries = [
        { name: config, bytes: CONFIG },
        { name: "base.tar.gz", bytes: base },
        { name: "top.tar.gz", bytes: top },
        listOf({ Config: config, Layers: ["base.tar.gz", "top.tar.gz"] }),
      ];
      await importTar(entries);
      expect((await manifestOf("app:1")).layers).toEqual([layer(mediaType, base), layer(mediaType, top)]);
    },
  );

  it("finds blobs of a layout by docker's list when the layout has no index", async () => {
    const image = makeImage(["layer"]);
    const [config, only] = image.children.map(({ digest }) => `blobs/${digest.replace(":", "/")}`);
    const entries = layoutEntries([["x:1", image]]).filter(({ name }) => name !== "index.json");
    await importTar([...entries, listOf({ Config: config ?? "", Layers: [only ?? ""] })]);
    expect((await manifestOf("app:1")).layers[0]).toMatchObject({ digest: digestOf("layer") });
  });

  it("prefers the index of a layout, as new dockers write both", async () => {
    const image = makeImage(["layer"]);
    const entries = [...layoutEntries([["x:1", image]]), listOf({ Config: "nowhere.json" })];
    expect((await importTar(entries)).map(({ target }) => target.digest)).toEqual([image.target.digest]);
  });
});

describe("readDockerList() with links", () => {
  it.each([
    [
      "a symbolic link beside it",
      { name: `${ID[1]}/layer.tar`, type: "symlink", linkname: `../${ID[0]}/layer.tar` },
    ],
    ["a hard link", { name: `${ID[1]}/layer.tar`, type: "link", linkname: `${ID[0]}/layer.tar` }],
  ] as const)("follows %s to a layer of the archive", async (_, link) => {
    const config = configOf(BASE, BASE);
    const path = `${digestOf(config).slice(7)}.json`;
    await importTar(saved(link, { name: path, bytes: config }, listOf({ Config: path })));
    expect((await manifestOf("app:1")).layers).toEqual([
      layer(DOCKER_LAYER, BASE),
      layer(DOCKER_LAYER, BASE),
    ]);
  });

  it("follows a link of a link that comes first, as skopeo writes its layers", async () => {
    const links = [
      { name: "one.tar", type: "symlink", linkname: "two.tar" },
      { name: "two.tar", type: "symlink", linkname: `${ID[0]}/layer.tar` },
    ] as const;
    await importTar([...links, ...saved(listOf({ Layers: ["one.tar", `${ID[1]}/layer.tar`] }))]);
    expect(await root.names()).toEqual(["docker.io/library/app:1"]);
  });

  it.each([
    ["out of the archive", "../../../../etc/hostname"],
    ["to an absolute path", "/etc/hostname"],
    ["to nothing", "nowhere.tar"],
    ["to itself", `../${ID[1]}/layer.tar`],
    ["to a document", "../manifest.json"],
  ])("does not follow a link %s", async (_, linkname) => {
    const failing = importTar(saved({ name: `${ID[1]}/layer.tar`, type: "symlink", linkname }));
    await expect(failing).rejects.toThrow(ErrNotFound);
    await expect(failing).rejects.toThrow(`"${ID[1]}/layer.tar" of manifest.json is not in the archive`);
    expect(await root.names()).toEqual([]);
  });
});

describe("readDockerList() with what is wrong", () => {
  it.each([
    ["another layer", { name: `${ID[1]}/layer.tar`, bytes: BASE }, ErrDataLoss, "got diffID"],
    [
      "a compressed layer of other content",
      { name: `${ID[1]}/layer.tar`, bytes: gzipSync(BASE) },
      ErrDataLoss,
      "got diffID",
    ],
    [
      "a layer whose compression is damaged",
      { name: `${ID[1]}/layer.tar`, bytes: gzipSync(TOP).subarray(0, 60) },
      ErrDataLoss,
      "cannot decompress",
    ],
    ["no layer", { name: `${ID[1]}/layer.tar` }, ErrNotFound, "is not in the archive"],
    ["no config", { name: CONFIG_PATH }, ErrNotFound, "is not in the archive"],
    [
      "another config",
      { name: CONFIG_PATH, bytes: configOf(TOP, BASE) },
      ErrDataLoss,
      `import ${CONFIG_PATH}: got digest`,
    ],
    [
      "too few layers",
      listOf({ Layers: [`${ID[0]}/layer.tar`] }),
      ErrInvalidArgument,
      "got 1 layers, wanted 2",
    ],
    ["a path that leads out", listOf({ Config: "../../etc/hostname" }), ErrNotFound, "is not in the archive"],
    ["a list that is no JSON", { name: "manifest.json", bytes: "[" }, ErrInvalidArgument, "not valid JSON"],
    ["a list that is none", { name: "manifest.json", bytes: "{}" }, ErrInvalidArgument, "manifest.json"],
    [
      "a list of other things",
      { name: "manifest.json", bytes: "[1]" },
      ErrInvalidArgument,
      "manifest.json[0]",
    ],
    [
      "a list without config",
      { name: "manifest.json", bytes: "[{}]" },
      ErrInvalidArgument,
      "manifest.json[0].Config",
    ],
    [
      "tags that are none",
      listOf({ RepoTags: ["Not A Name"] }),
      ErrInvalidArgument,
      "invalid reference format",
    ],
    ["an empty list", { name: "manifest.json", bytes: "[]" }, ErrNotFound, "lists no image"],
  ])("refuses %s and names nothing", async (_, entry, error, text) => {
    const failing = importTar(saved(entry));
    await expect(failing).rejects.toThrow(error);
    await expect(failing).rejects.toThrow(text);
    expect(await root.names()).toEqual([]);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("refuses a config that is too large to be one, or none at all", async () => {
    const large = { name: "large.json", bytes: Buffer.alloc(4_194_305, " ") };
    await expect(importTar(saved(large, listOf({ Config: "large.json" })))).rejects.toThrow(
      "want at most 4194304",
    );
    const none = { name: "none.json", bytes: "[]" };
    await expect(importTar(saved(none, listOf({ Config: "none.json" })))).rejects.toThrow(ErrInvalidArgument);
  });

  it("believes the last of two files with one path, as whoever unpacks the archive does", async () => {
    await expect(importTar([...SAVED, { name: CONFIG_PATH, bytes: "{}" }])).rejects.toThrow(ErrDataLoss);
    await importTar([{ name: CONFIG_PATH, bytes: "{}" }, ...SAVED, { name: CONFIG_PATH, bytes: CONFIG }]);
    expect(await root.names()).toEqual(["docker.io/library/app:1"]);
  });

  it.each([
    ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
    ["bzip2", [0x42, 0x5a, 0x68]],
  ])("says that a layer cannot be in %s", async (name, magic) => {
    const layer = Buffer.from([...magic, ...BASE]);
    const list = listOf({ Config: "c.json", Layers: ["l.tar"] });
    const entries = [{ name: "c.json", bytes: configOf(BASE) }, { name: "l.tar", bytes: layer }, list];
    const failure = await importTar(entries).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ErrNotImplemented);
    expect((failure as Error).message).toContain(`compressed with ${name}`);
  });
});

describe("readDockerList() of archives by other tools", () => {
  const zipped = gzipSync(BASE);
  const config = configOf(BASE);
  const blob = `blobs/sha256/${digestOf(zipped).slice(7)}`;

  it.each<[string, string, string, string, string]>([
    ["bazel's blobs with an extension", `${blob}.tar.gz`, `${blob}.tar.gz`, "c.json", "c.json"],
    ["nested paths", "a/b/c/layer.tar.gz", "a/b/c/layer.tar.gz", "x/y/config.json", "x/y/config.json"],
    ["a layer and a config without an extension", "layers/1", "layers/1", "config", "config"],
    ["entries that begin with ./", "./l.tar.gz", "l.tar.gz", "./c.json", "c.json"],
    ["a list whose paths begin with ./", "l.tar.gz", "./l.tar.gz", "c.json", "./c.json"],
    ["other spellings", "a//l.tar.gz", "a/./l.tar.gz", "c.json", ".//c.json"],
  ])("finds %s", async (_, layerEntry, layerPath, configEntry, configPath) => {
    await importTar([
      { name: configEntry, bytes: config },
      { name: layerEntry, bytes: zipped },
      listOf({ Config: configPath, Layers: [layerPath] }),
    ]);
    expect(await root.names()).toEqual(["docker.io/library/app:1"]);
    expect(await root.digests()).toContain(digestOf(zipped));
  });

  it("takes an image without a name beside one that has a name", async () => {
    const other = configOf(TOP);
    await importTar(
      [
        ...SAVED,
        { name: "other.json", bytes: other },
        { name: "top.tar", bytes: TOP },
        listOf({}, { Config: "other.json", RepoTags: null, Layers: ["top.tar"] }),
      ].filter(({ name }, at, all) => name !== "manifest.json" || at === all.length - 1),
    );
    const names = await root.names();
    expect(names).toHaveLength(2);
    expect(names).toContainEqual(expect.stringMatching(/^docker\.io\/library\/import@sha256:/));
  });

  it("decompresses a layer once, however often the archive mentions it", async () => {
    const mentions = 150;
    const reads: string[] = [];
    const content = new Proxy(root.content, {
      get(store, key) {
        const value: unknown = Reflect.get(store, key);
        if (typeof value !== "function") return value;
        return (...args: readonly unknown[]) => {
          const [first] = args as readonly { digest?: string }[];
          if (key === "readerAt" && first?.digest !== undefined) reads.push(first.digest);
          return Reflect.apply(value, store, args) as unknown;
        };
      },
    });
    const many = configOf(...Array.from({ length: mentions }, () => BASE));
    const layers = Array.from({ length: mentions }, () => "l.tar.gz");
    const source = inPieces(
      await tarOf([
        { name: "c.json", bytes: many },
        { name: "l.tar.gz", bytes: zipped },
        listOf({ Config: "c.json", Layers: layers }),
      ]),
    );
    await importImages(source, { content, images: root.images });
    const readOfLayer = reads.filter((digest) => digest === digestOf(zipped));
    expect(readOfLayer.length).toBeLessThanOrEqual(2); // once for its first bytes, once for all of them
  });

  it("begins at the first byte, whatever bytes an import before has left", async () => {
    await importTar(SAVED);
    const [image] = await root.images.list();
    if (image === undefined) throw new TypeError("no image");
    const { digest, size } = image.target;
    await root.images.untag(image.name);
    await root.content.delete(digest);
    const left = await root.content.writer({ ref: `archive-${digest}`, size });
    await left.write(Buffer.alloc(4));
    await left.close();
    await importTar(SAVED);
    expect(await root.names()).toEqual(["docker.io/library/app:1"]);
    expect(await root.content.listStatuses()).toEqual([]);
  });
});
