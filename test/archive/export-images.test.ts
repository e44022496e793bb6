import { once } from "node:events";
import { createReadStream } from "node:fs";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ExportOptions, exportImages } from "../../src/archive/export-images.ts";
import { tarEntries } from "../../src/archive/tar-entries.ts";
import { writeBlob } from "../../src/content/write-blob.ts";
import type { Digest } from "../../src/digest/digest.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
} from "../../src/errors/classes.ts";
import { type DataRoot, openDataRoot } from "./support/data-root.ts";
import { makeImage, makeIndex, pathOf, type TestImage } from "./support/image.ts";

const AMD = makeImage(["amd base", "shared"]);
const ARM = makeImage(["arm base", "shared"], { platform: { os: "linux", architecture: "arm64" } });
const INDEX = makeIndex([AMD, ARM]);
const NAME = "docker.io/library/app:1";
let root: DataRoot;

beforeEach(async () => {
  root = await openDataRoot();
});

afterEach(async () => {
  await root[Symbol.asyncDispose]();
});

/** Puts an image into the store under `app:1`, except for the blobs named. */
async function put({ target, blobs }: TestImage, ...except: readonly (Digest | undefined)[]): Promise<void> {
  for (const [digest, bytes] of blobs) {
    if (!except.includes(digest)) await writeBlob(root.content, digest, bytes, { digest });
  }
  const { mediaType, digest, size } = target;
  await root.images.tag(NAME, { mediaType, digest, size });
}

function exportTo(target: string | Writable, options: ExportOptions = {}, name = "app:1"): Promise<void> {
  const { content, images } = root;
  return images.get(name, options).then((image) => exportImages([image], target, { content, ...options }));
}

/** What an export writes, by path, in its order. */
async function exported(options: ExportOptions = {}, name?: string): Promise<ReadonlyMap<string, Buffer>> {
  const path = join(root.folder, "out.tar");
  await exportTo(path, options, name);
  const files = new Map<string, Buffer>();
  for await (const { name, content } of tarEntries(createReadStream(path))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    files.set(name, Buffer.concat(chunks));
  }
  return files;
}

const blobsOf = (files: ReadonlyMap<string, Buffer>) =>
  [...files.keys()].filter((path) => /^blobs\/\w+\/\w/.test(path));
const pathsOf = (...images: readonly TestImage[]) =>
  [...new Set(images.flatMap(({ blobs }) => [...blobs.keys()].map(pathOf)))].toSorted();

describe("exportImages()", () => {
  it("writes a layout with documents first and every blob by digest", async () => {
    await put(AMD);
    const files = await exported();
    const documents = ["oci-layout", "index.json", "manifest.json", "blobs/", "blobs/sha256/"];
    expect([...files.keys()]).toEqual([...documents, ...pathsOf(AMD)]);
    for (const [digest, bytes] of AMD.blobs) expect(files.get(pathOf(digest))).toEqual(bytes);
    expect(String(files.get("oci-layout"))).toBe('{"imageLayoutVersion":"1.0.0"}');
  });

  it("gives both names in full, and docker its own", async () => {
    await put(AMD);
    const files = await exported();
    const [config, ...layers] = AMD.children.map(({ digest }) => pathOf(digest));
    const { mediaType, digest, size } = AMD.target;
    expect(JSON.parse(String(files.get("index.json")))).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [
        {
          mediaType,
          digest,
          size,
          annotations: { "io.containerd.image.name": NAME, "org.opencontainers.image.ref.name": NAME },
        },
      ],
    });
    expect(JSON.parse(String(files.get("manifest.json")))).toEqual([
      { Config: config, RepoTags: ["app:1"], Layers: layers },
    ]);
  });

  it("writes the same bytes each time, to a path and to a stream", async () => {
    await put(INDEX);
    const path = join(root.folder, "out.tar");
    await exportTo(path);
    const stream = new PassThrough();
    const [streamed] = await Promise.all([buffer(stream), exportTo(stream).then(() => stream.end())]);
    expect(streamed.equals(await readFile(path))).toBe(true);
    await exportTo(path);
    expect(streamed.equals(await readFile(path))).toBe(true);
  });

  it("writes every image of an index that is there, and leaves out those that are not", async () => {
    await put(INDEX, ARM.children[1]?.digest);
    expect(blobsOf(await exported())).toEqual(
      pathsOf(AMD, { ...INDEX, blobs: new Map([...INDEX.blobs].slice(-1)) }),
    );
    await put(INDEX);
    expect(blobsOf(await exported())).toEqual(pathsOf(INDEX));
  });

  it("writes one platform of an index, which keeps its digest", async () => {
    await put(INDEX);
    const files = await exported({ platform: "linux/arm64" });
    expect(blobsOf(files)).toEqual([pathOf(INDEX.target.digest), ...pathsOf(ARM)].toSorted());
    expect(String(files.get("manifest.json"))).toContain(pathOf(ARM.children[0]?.digest ?? ""));
    expect(String(files.get("index.json"))).toContain(INDEX.target.digest);
  });

  it("throws ErrNotFound that names what is missing", async () => {
    const layer = ARM.children[1]?.digest;
    await put(INDEX, layer);
    await expect(exported({ platform: "linux/arm64" })).rejects.toThrow(`content ${layer}: not found`);
    await expect(exported({ platform: "linux/s390x" })).rejects.toThrow(
      "no matching manifest for linux/s390x",
    );
    await expect(exported({}, "other")).rejects.toThrow("image docker.io/library/other:latest: not found");
    for (const digest of [AMD.children[0]?.digest, AMD.target.digest]) {
      if (digest) await root.content.delete(digest, { force: true });
      await put(AMD, digest);
      await expect(exported()).rejects.toThrow(ErrNotFound);
    }
    expect(await readdir(root.folder)).toEqual(["root"]);
  });

  it("checks the platform of an image outside an index by its config", async () => {
    await put(ARM);
    expect(blobsOf(await exported({ platform: "linux/arm64/v8" }))).toEqual(pathsOf(ARM));
    const failing = exported({ platform: "linux/amd64" });
    await expect(failing).rejects.toThrow(ErrNotFound);
    await expect(failing).rejects.toThrow("got an image for linux/arm64, wanted linux/amd64");
  });

  it("throws ErrInvalidArgument for a malformed platform or name", async () => {
    await put(AMD);
    await expect(exported({ platform: "a/b/c/d" })).rejects.toThrow(ErrInvalidArgument);
    await expect(exported({}, "Not A Name")).rejects.toThrow(ErrInvalidArgument);
  });

  it("has no list for docker where docker could load nothing", async () => {
    await put(makeImage(["not a layer"], { layerType: "text/plain" }));
    expect([...(await exported()).keys()]).not.toContain("manifest.json");
  });
});

describe("exportImages() of several", () => {
  it("writes what they share once, and gives docker one entry for each image with all its names", async () => {
    await put(AMD);
    const first = await root.images.get(NAME);
    const images = [first, { ...first, name: "docker.io/library/app:2" }];
    const path = join(root.folder, "out.tar");
    await exportImages(images, path, { content: root.content });
    const files = new Map<string, Buffer>();
    for await (const { name, content } of tarEntries(createReadStream(path))) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      expect(files.has(name)).toBe(false);
      files.set(name, Buffer.concat(chunks));
    }
    expect(blobsOf(files)).toEqual(pathsOf(AMD));
    const list = JSON.parse(String(files.get("manifest.json")));
    expect(list).toEqual([expect.objectContaining({ RepoTags: ["app:1", "app:2"] })]);
    const { manifests } = JSON.parse(String(files.get("index.json")));
    expect(manifests).toHaveLength(2);
  });
});

describe("exportImages() to a path", () => {
  it("replaces a file whole or not at all", async () => {
    await put(AMD);
    const path = join(root.folder, "out.tar");
    await writeFile(path, "before");
    const layer = AMD.children[1]?.digest ?? "";
    const file = join(root.folder, "root", pathOf(layer));
    await chmod(file, 0o644);
    await writeFile(file, "AMD BASE");
    const failing = exportTo(path);
    await expect(failing).rejects.toThrow(ErrDataLoss);
    await expect(failing).rejects.toThrow(layer);
    expect(await readFile(path, "utf8")).toBe("before");
    expect((await readdir(root.folder)).toSorted()).toEqual(["out.tar", "root"]);

    await writeFile(file, "amd base");
    await exportTo(path);
    expect((await readFile(path)).length).toBeGreaterThan(1000);
  });

  it("puts no file in the place of something else", async () => {
    await put(AMD);
    const folder = join(root.folder, "folder");
    await mkdir(folder);
    await expect(exportTo(folder)).rejects.toThrow(ErrFailedPrecondition);
    const socket = join(root.folder, "socket"); // stands for a device: never one of the machine's own, which a defect would replace
    const server = createServer().listen(socket);
    await once(server, "listening");
    await expect(exportTo(socket)).rejects.toThrow(ErrFailedPrecondition);
    expect((await stat(socket)).isSocket()).toBe(true);
    server.close();
    await once(server, "close");
    await expect(exportTo(join(root.folder, "no", "such", "folder.tar"))).rejects.toThrow(ErrNotFound);
  });

  it("leaves nothing when it is aborted", async () => {
    await put(AMD);
    const controller = new AbortController();
    const aborting = exportTo(join(root.folder, "out.tar"), { signal: controller.signal });
    controller.abort();
    await expect(aborting).rejects.toThrow(ErrCanceled);
    expect(await readdir(root.folder)).toEqual(["root"]);
  });
});

describe("exportImages() to a stream", () => {
  const BIG = makeImage([Buffer.alloc(8_000_000, "big")]);

  it("leaves the stream open for its owner", async () => {
    await put(AMD);
    const stream = new PassThrough();
    const all = buffer(stream);
    await exportTo(stream);
    expect([stream.destroyed, stream.writableEnded]).toEqual([false, false]);
    stream.end("and more");
    expect((await all).subarray(-8).toString()).toBe("and more");
  });

  it("waits for a slow reader", async () => {
    await put(BIG);
    const stream = new PassThrough({ highWaterMark: 64_000 });
    const exporting = exportTo(stream);
    await once(stream, "readable");
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(stream.writableLength + stream.readableLength).toBeLessThan(1_000_000);
    const [all] = await Promise.all([buffer(stream), exporting.then(() => stream.end())]);
    expect(all.length).toBeGreaterThan(8_000_000);
  });

  it("throws the error of a stream that breaks", async () => {
    await put(BIG);
    const reason = new Error("broken pipe");
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(reason) });
    await expect(exportTo(stream)).rejects.toBe(reason);
  });

  it("throws the abort error while the reader hangs", async () => {
    await put(BIG);
    const controller = new AbortController();
    const stream = new Writable({ write: () => setImmediate(() => controller.abort()) });
    await expect(exportTo(stream, { signal: controller.signal })).rejects.toThrow(ErrCanceled);
  });

  it("ends by its signal while the stream takes nothing, and leaves no listener on it", async () => {
    await put(AMD);
    const controller = new AbortController();
    const stream = new Writable({ highWaterMark: 1, write: () => setImmediate(() => controller.abort()) });
    const listeners = stream.eventNames().length;
    await expect(exportTo(stream, { signal: controller.signal })).rejects.toThrow(ErrCanceled);
    expect(stream.eventNames()).toHaveLength(listeners);
  });

  it.each(["end", "destroy"] as const)("throws when the owner has called %s()", async (how) => {
    await put(AMD);
    const stream = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        stream[how]();
        done();
      },
    });
    const message = how === "end" ? "the stream was ended" : "Premature close";
    await expect(exportTo(stream)).rejects.toThrow(message);
    await expect(exportTo(stream)).rejects.toThrow(message);
  });

  it("tells its owner when a blob is damaged, and does not end the stream as if all were well", async () => {
    await put(AMD);
    const file = join(root.folder, "root", pathOf(AMD.children[1]?.digest ?? ""));
    await chmod(file, 0o644);
    await writeFile(file, "AMD BASE");
    const stream = new PassThrough();
    stream.resume();
    await expect(exportTo(stream)).rejects.toThrow(ErrDataLoss);
    expect(stream.writableEnded).toBe(false);
  });
});
