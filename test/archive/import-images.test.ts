import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ImportOptions, type ImportSource, importImages } from "../../src/archive/import-images.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../src/errors/classes.ts";
import { type StepProgress, update } from "../../src/progress/progress.ts";
import { type DataRoot, openDataRoot } from "./support/data-root.ts";
import { layoutEntries, makeImage, makeIndex, pathOf } from "./support/image.ts";
import { inPieces, type TestEntry, tarOf } from "./support/tar.ts";

const IMAGE = makeImage(["base ".repeat(2000), "top"]);
const OTHER = makeImage(["base ".repeat(2000), "arm"], { platform: { os: "linux", architecture: "arm64" } });
const INDEX = makeIndex([IMAGE, OTHER]);
const NAME = "docker.io/library/app:1";
const ENTRIES = layoutEntries([["app:1", IMAGE]]);
let root: DataRoot;

beforeEach(async () => {
  root = await openDataRoot();
});

afterEach(async () => {
  await root[Symbol.asyncDispose]();
});

function importFrom(source: ImportSource, options: ImportOptions = {}) {
  const { content, images } = root;
  return importImages(source, { content, images, ...options });
}

async function importTar(entries: readonly TestEntry[], options?: ImportOptions) {
  return await importFrom(inPieces(await tarOf(entries)), options);
}

/** Writes the entries as files and returns their folder. */
async function layoutFolder(entries: readonly TestEntry[]): Promise<string> {
  const folder = join(root.folder, "layout");
  for (const { name, bytes = "" } of entries) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

const plain = (bytes: Buffer) => bytes;

/** The import fails with the class and text, names nothing and leaves no half-written file. */
async function expectRefused(
  entries: readonly TestEntry[],
  error: new (message: string) => Error,
  text: string,
) {
  const failing = importTar(entries);
  await expect(failing).rejects.toThrow(error);
  await expect(failing).rejects.toThrow(text);
  expect(await root.names()).toEqual([]);
  expect(await root.content.listStatuses()).toEqual([]);
}

/** The entries, with others in place of those of the same name. */
function replacing(...others: readonly TestEntry[]): TestEntry[] {
  return [...ENTRIES.filter(({ name }) => !others.some((other) => other.name === name)), ...others];
}

/** The layout of the index, without some of its blobs. */
function indexWithout(...missing: readonly (string | undefined)[]): TestEntry[] {
  const paths = missing.map((digest) => pathOf(digest ?? ""));
  return layoutEntries([["app:1", INDEX]]).filter(({ name }) => !paths.includes(name));
}

describe("importImages() from an OCI layout in a tar archive", () => {
  it.each([
    ["plain", plain],
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("brings an image in and names it: %s, from a file and from a stream", async (_, compress) => {
    const bytes = compress(await tarOf(ENTRIES));
    const path = join(root.folder, "image.tar");
    await writeFile(path, bytes);
    const { mediaType, digest, size } = IMAGE.target;
    const expected = [{ name: NAME, target: { mediaType, digest, size } }];
    expect(await importFrom(path)).toEqual(expected);
    expect(await importFrom(inPieces(bytes))).toEqual(expected);
    expect(await root.images.list()).toEqual(expected);
    expect(await root.digests()).toEqual([...IMAGE.blobs.keys()].toSorted());
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("does not mind in which order the entries come", async () => {
    const indices = ENTRIES.map((_, at) => at);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(indices, { minLength: indices.length }), async (order) => {
        await using other = await openDataRoot();
        const entries = order.flatMap((at) => ENTRIES[at] ?? []);
        const source = inPieces(await tarOf(entries), 777);
        await importImages(source, { content: other.content, images: other.images });
        expect(await other.names()).toEqual([NAME]);
      }),
      { numRuns: 20 },
    );
  });

  it("takes the name of containerd's annotation, and the one it is given over both", async () => {
    const entries = layoutEntries([["docker.io/library/app:1", IMAGE]], "io.containerd.image.name");
    await importTar(entries);
    await importTar(entries, { name: "mine" });
    await importTar(entries, { name: "mine:2" });
    expect(await root.names()).toEqual([NAME, "docker.io/library/mine:1", "docker.io/library/mine:2"]);
  });

  it("needs a name where the archive has only a tag, and names nothing without one", async () => {
    const entries = layoutEntries([["v1", IMAGE]]);
    await expect(importTar(entries)).rejects.toThrow(ErrInvalidArgument);
    expect(await root.names()).toEqual([]);
    await importTar(entries, { name: "app" });
    expect(await root.names()).toEqual(["docker.io/library/app:v1"]);
  });

  it("brings in several images at once", async () => {
    const entries = layoutEntries([
      ["one:1", IMAGE],
      ["two:1", INDEX],
      ["three:1", IMAGE],
      [undefined, OTHER],
    ]);
    expect((await importTar(entries)).map(({ name }) => name)).toEqual([
      "docker.io/library/one:1",
      "docker.io/library/two:1",
      "docker.io/library/three:1",
      `docker.io/library/import@${OTHER.target.digest}`,
    ]);
  });

  it("tells what it names by itself, and what it does not import", async () => {
    const shown: StepProgress[] = [];
    const note = { mediaType: "application/vnd.example.note", digest: digestOf("note"), size: 4 };
    const [marker, index, ...blobs] = layoutEntries([
      ["one:1", IMAGE],
      [undefined, OTHER],
    ]);
    const document = JSON.parse(String(index?.bytes));
    const bytes = JSON.stringify({ ...document, manifests: [...document.manifests, note] });
    const entries = [marker ?? { name: "" }, { name: "index.json", bytes }, ...blobs];
    await importTar(entries, { onProgress: (progress) => shown.push(progress) });
    const lines = shown.flatMap((item) => (item.kind === "message" ? [item.message] : []));
    const { digest } = OTHER.target;
    expect(lines).toEqual([
      `Not imported: ${note.digest}, as it is no image but ${note.mediaType}`,
      "Loaded image: one:1",
      `Loaded image ID: ${digest} (the archive gives it no name, here it is import@${digest})`,
    ]);

    shown.length = 0;
    await importTar(entries, { name: "other:2", onProgress: (progress) => shown.push(progress) });
    expect(shown.map((item) => (item.kind === "message" ? item.message : ""))).toContain(
      `Not imported: ${digest}, as another image was asked for`,
    );
  });

  it("takes an index of which one image is complete, and refuses one without any", async () => {
    await importTar(indexWithout(OTHER.target.digest, OTHER.children[0]?.digest));
    expect(await root.names()).toEqual([NAME]);
    await using other = await openDataRoot();
    const neither = inPieces(await tarOf(indexWithout(OTHER.target.digest, IMAGE.children[2]?.digest)));
    const failing = importImages(neither, { content: other.content, images: other.images });
    await expect(failing).rejects.toThrow(ErrNotFound);
    expect(await other.names()).toEqual([]);
  });

  it("finds in the store what the archive leaves out", async () => {
    await importTar(ENTRIES);
    const layer = IMAGE.children[1]?.digest ?? "";
    const entries = layoutEntries([["again:1", IMAGE]]).filter(({ name }) => name !== pathOf(layer));
    await importTar(entries);
    expect(await root.names()).toEqual(["docker.io/library/again:1", NAME]);
  });

  it("moves a name that is taken, and tells", async () => {
    const told: string[] = [];
    root.images.events.on("tag", ({ name, digest }) => told.push(`${name} ${digest}`));
    await importTar(ENTRIES);
    await importTar(layoutEntries([["app:1", INDEX]]));
    expect((await root.images.get("app:1")).target.digest).toBe(INDEX.target.digest);
    expect(told).toEqual([`${NAME} ${IMAGE.target.digest}`, `${NAME} ${INDEX.target.digest}`]);
  });

  it("shows progress for each blob, and the names at the end", async () => {
    const shown: StepProgress[] = [];
    await importTar(ENTRIES, { onProgress: (progress) => shown.push(progress) });
    const layer = IMAGE.children[1];
    const id = layer?.digest.slice(7, 19);
    const of = shown.filter((progress) => progress.id === id);
    expect(of.at(-1)).toEqual(update(id ?? "", "Load complete", 0, 0));
    expect(of.at(-2)).toEqual(update(id ?? "", "Loading layer", layer?.size ?? 0, layer?.size ?? 0));
    expect(shown.at(-1)).toEqual({ kind: "message", id: "", message: "Loaded image: app:1" });

    const again: StepProgress[] = [];
    await importTar(ENTRIES, { onProgress: (progress) => again.push(progress) });
    expect(again).toContainEqual(update(id ?? "", "Already exists", 0, 0));
  });
});

describe("importImages() from a hostile archive", () => {
  const LAYER = IMAGE.children[2];
  const LAYER_PATH = pathOf(LAYER?.digest ?? "");

  it("refuses a blob that is not what its path says, and does not keep it", async () => {
    await expectRefused(
      replacing({ name: LAYER_PATH, bytes: "TOP" }),
      ErrDataLoss,
      `import ${LAYER_PATH}: got digest`,
    );
    expect(await root.digests()).not.toContain(digestOf("TOP"));
  });

  it("refuses an archive that is cut off anywhere, or names an image that is not whole", async () => {
    const bytes = await tarOf(ENTRIES);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 2048 }), async (end) => {
        await using other = await openDataRoot();
        const source = inPieces(bytes.subarray(0, end), 999);
        const outcome = await importImages(source, { content: other.content, images: other.images }).catch(
          (error: unknown) => error,
        );
        const isTyped = [ErrDataLoss, ErrInvalidArgument, ErrNotFound].some((one) => outcome instanceof one);
        expect(isTyped).toBe(true);
        expect(await other.names()).toEqual([]);
        expect(await other.content.listStatuses()).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it("writes nothing by the paths of the archive, and takes no notice of them", async () => {
    const outside = join(root.folder, "outside");
    await importTar([
      { name: "../outside", bytes: "x" },
      { name: "../../../../../../../../../../../tmp/drayage-outside.tar", bytes: "x" },
      { name: outside, bytes: "x" },
      { name: "blobs/sha256/../../../../outside", bytes: "x" },
      { name: `blobs/sha256/${"0".repeat(63)}/`, type: "directory" },
      { name: "root/index.json", bytes: "{}" },
      ...ENTRIES,
    ]);
    await expect(readFile(outside)).rejects.toThrow("ENOENT");
    expect(await root.digests()).toEqual([...IMAGE.blobs.keys(), digestOf("{}")].toSorted());
  });

  it("takes no link for a blob or a document, wherever it leads", async () => {
    const secret = join(root.folder, "secret");
    await writeFile(secret, "top");
    for (const type of ["symlink", "link"] as const) {
      const link = { name: LAYER_PATH, type, linkname: secret };
      await expectRefused(replacing(link), ErrNotFound, `content ${LAYER?.digest}: not found`);
    }
    for (const type of ["symlink", "link"] as const) {
      const index = { name: "index.json", type, linkname: "other.json" };
      const other = { name: "other.json", bytes: ENTRIES[1]?.bytes };
      await expectRefused(replacing(index, other), ErrInvalidArgument, "got neither an OCI layout");
    }
  });

  it("refuses a document twice that says different things, in whatever spelling of its path", async () => {
    const second = { name: "./index.json", bytes: `${String(ENTRIES[1]?.bytes)} ` };
    await expectRefused([...ENTRIES, second], ErrInvalidArgument, "got two different index.json");
  });

  it("takes a document twice that says the same", async () => {
    await importTar([...ENTRIES, { name: "./index.json", bytes: ENTRIES[1]?.bytes }]);
    expect(await root.names()).toEqual([NAME]);
  });

  it("does not mind the same blob twice, and never believes the second one", async () => {
    await importTar([...ENTRIES, { name: LAYER_PATH, bytes: "TOP" }]);
    if (LAYER === undefined) throw new Error("no layer");
    expect(String(Buffer.from(await readBlob(root.content, LAYER)))).toBe("top");
  });

  it("does not take a document into memory that is too large", async () => {
    const huge = { name: "index.json", bytes: Buffer.alloc(20 * 1024 * 1024 + 1, " ") };
    await expectRefused(
      replacing(huge),
      ErrInvalidArgument,
      "read index.json: got 20971521 bytes, wanted at most",
    );
  });

  it("refuses a document that ends before its header says", async () => {
    const bytes = await tarOf([{ name: "index.json", bytes: "x".repeat(5000) }]);
    await expect(importFrom(inPieces(bytes.subarray(0, 3000)))).rejects.toThrow(ErrDataLoss);
  });

  it.each([
    ["index.json", "{", "not valid JSON"],
    ["index.json", '{"schemaVersion":2,"manifests":[],"manifests":[]}', "twice"],
    ["index.json", '{"schemaVersion":2,"manifests":[{"mediaType":"x","size":-1}]}', "manifests[0]"],
    ["oci-layout", '{"imageLayoutVersion":"2.0.0"}', 'got version "2.0.0"'],
    ["oci-layout", "[]", "oci-layout"],
  ])("refuses %s with %s", async (name, bytes, text) => {
    await expectRefused(replacing({ name, bytes }), ErrInvalidArgument, text);
  });

  it("throws ErrNotFound for a layout without images, or with things that are none", async () => {
    const entry = { ...IMAGE.target, mediaType: "text/plain" };
    for (const manifests of [[], [entry]]) {
      const index = { name: "index.json", bytes: JSON.stringify({ schemaVersion: 2, manifests }) };
      await expectRefused(replacing(index), ErrNotFound, "lists no image");
    }
  });

  it("refuses what is no archive, and an archive of something else", async () => {
    await expect(importFrom(inPieces(Buffer.from("#!/bin/sh\n".repeat(100))))).rejects.toThrow(
      ErrInvalidArgument,
    );
    await expectRefused(
      [{ name: "etc/passwd", bytes: "root" }],
      ErrInvalidArgument,
      "got neither an OCI layout",
    );
    await expect(importFrom(inPieces(Buffer.alloc(0)))).rejects.toThrow(ErrInvalidArgument);
  });

  it("refuses a sparse file, whose bytes are not its content", async () => {
    const sparse = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "3" };
    const entry = { name: LAYER_PATH, bytes: `${"1\n0\n3\n".padEnd(512, "\0")}top`, pax: sparse };
    await expectRefused(replacing(entry), ErrInvalidArgument, "is a sparse file");
  });

  it("survives pax headers that claim something else", async () => {
    const entry = {
      name: "harmless",
      bytes: "top",
      pax: { path: "../../outside", linkpath: "/etc", __proto__x: "1" },
    };
    await importTar([entry, ...ENTRIES]);
    expect(await root.names()).toEqual([NAME]);
  });

  it("ends in an image that is right or in a typed error, whatever bytes are changed", async () => {
    const bytes = await tarOf(ENTRIES);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        await using other = await openDataRoot();
        const changed = Buffer.from(bytes);
        for (const [at, value] of changes) changed[at] = value;
        const importing = importImages(inPieces(changed, 5000), {
          content: other.content,
          images: other.images,
        });
        const outcome = await importing.catch((error: unknown) => error);
        const isTyped = [ErrDataLoss, ErrInvalidArgument, ErrNotFound].some((one) => outcome instanceof one);
        expect(isTyped || (await other.images.list()).length === 1).toBe(true);
        for await (const blob of other.content.walk()) await readBlob(other.content, blob);
      }),
      { numRuns: 60 },
    );
  });
});

describe("importImages() from a layout directory", () => {
  it("copies what the names need and nothing else", async () => {
    const stray = { name: pathOf(digestOf("stray")), bytes: "stray" };
    const folder = await layoutFolder([...layoutEntries([["app:1", INDEX]]), stray]);
    expect((await importFrom(folder)).map(({ name }) => name)).toEqual([NAME]);
    expect(await root.digests()).toEqual([...INDEX.blobs.keys()].toSorted());
  });

  it("copies only the image that is asked for", async () => {
    const folder = await layoutFolder(
      layoutEntries([
        ["v1", IMAGE],
        ["v2", OTHER],
      ]),
    );
    await importFrom(folder, { name: "app:v2" });
    expect(await root.digests()).toEqual([...OTHER.blobs.keys()].toSorted());
  });

  it("takes an index of which one image is complete, and refuses one without any", async () => {
    const folder = await layoutFolder(layoutEntries([["app:1", INDEX]]));
    await rm(join(folder, pathOf(OTHER.target.digest)));
    await importFrom(folder);
    expect(await root.names()).toEqual([NAME]);
    await using other = await openDataRoot();
    const layer = IMAGE.children[2]?.digest ?? "";
    await rm(join(folder, pathOf(layer)));
    const failing = importImages(folder, { content: other.content, images: other.images });
    await expect(failing).rejects.toThrow(`content ${layer}: not found`);
    expect(await other.names()).toEqual([]);
  });

  it("refuses a blob that is not what its path says", async () => {
    const folder = await layoutFolder(ENTRIES);
    await writeFile(join(folder, pathOf(IMAGE.children[2]?.digest ?? "")), "TOP");
    await expect(importFrom(folder)).rejects.toThrow(ErrDataLoss);
    expect(await root.names()).toEqual([]);
    expect(await root.content.listStatuses()).toEqual([]);
  });

  it("does not wait for a blob that is no file", async () => {
    const folder = await layoutFolder(ENTRIES);
    const path = join(folder, pathOf(IMAGE.children[2]?.digest ?? ""));
    await rm(path);
    await symlink(folder, path);
    await expect(importFrom(folder)).rejects.toThrow(/not a regular file/);
  });

  it.each([
    ["a pipe that nobody writes to", (path: string) => execFileSync("mkfifo", [path])],
    ["a link to a device without an end", (path: string) => symlinkSync("/dev/zero", path)],
    ["a directory", (path: string) => mkdirSync(path)],
  ])("refuses a document or a blob that is %s, at once", async (_, make) => {
    for (const name of ["oci-layout", "index.json", pathOf(IMAGE.children[1]?.digest ?? "")]) {
      const folder = await layoutFolder(ENTRIES);
      await rm(join(folder, name));
      make(join(folder, name));
      await expect(importFrom(folder)).rejects.toThrow(ErrInvalidArgument);
      await expect(importFrom(folder)).rejects.toThrow(/not a regular file/);
      await rm(folder, { recursive: true });
    }
    expect(await root.names()).toEqual([]);
  });

  it("throws ErrNotFound for a directory that is no layout, and for a path that is nothing", async () => {
    await expect(importFrom(root.folder)).rejects.toThrow(ErrNotFound);
    await expect(importFrom(join(root.folder, "nothing.tar"))).rejects.toThrow(ErrNotFound);
  });

  it("does not read a document that is too large", async () => {
    const folder = await layoutFolder(ENTRIES);
    await writeFile(join(folder, "index.json"), Buffer.alloc(20 * 1024 * 1024 + 1));
    await expect(importFrom(folder)).rejects.toThrow("wanted at most 20971520");
  });

  it("leaves the directory as it is", async () => {
    const folder = await layoutFolder(ENTRIES);
    await chmod(folder, 0o555);
    await importFrom(folder);
    expect(await readFile(join(folder, "index.json"), "utf8")).toBe(ENTRIES[1]?.bytes);
    await chmod(folder, 0o755);
  });
});

describe("importImages() when it is aborted", () => {
  it("names nothing and leaves nothing half-written", async () => {
    const controller = new AbortController();
    const bytes = await tarOf(ENTRIES);
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield* inPieces(bytes.subarray(0, 6000));
      setImmediate(() => controller.abort());
      await new Promise(() => {});
    }
    await expect(importFrom(hanging(), { signal: controller.signal })).rejects.toThrow(ErrCanceled);
    expect(await root.names()).toEqual([]);
    expect(await root.content.listStatuses()).toEqual([]);
    const folder = await layoutFolder(ENTRIES);
    await expect(importFrom(folder, { signal: AbortSignal.abort() })).rejects.toThrow(ErrCanceled);
  });
});
