import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import type { Digest, ImageEntry, ReadImageOptions } from "../../src/index.ts";
import { TestRegistry } from "../../src/testing.ts";
import { treeOf } from "../layer/support/tree-of.ts";
import type { WrittenEntry } from "../tar/support/tar-writer.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { type PutImage, putImage } from "./support/put-image.ts";
import { statusLog } from "./support/status-lines.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let image: PutImage;
let name: string;
let directory: string;
let engine: Engine;

const file = (path: string, content = path): WrittenEntry => ({ name: path, content, mtime: 9, mode: 0o640 });

const LAYERS: readonly (readonly WrittenEntry[])[] = [
  [
    { name: "etc/", flag: "5", mode: 0o750, mtime: 8 },
    file("etc/motd", "lower"),
    file("etc/gone"),
    { name: "lib", flag: "2", linkName: "usr/lib", mtime: 7 },
    file("usr/lib/x"),
  ],
  [
    file("etc/.wh.gone", ""),
    file("etc/motd", "upper"),
    { name: "etc/copy", flag: "1", linkName: "usr/lib/x" },
  ],
];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-files-"));
  registry = await TestRegistry.start();
  image = await putImage(registry, { repository: REPOSITORY, tag: "v1" }, LAYERS);
  name = `${registry.host}/${REPOSITORY}:v1`;
  engine = await openEngine();
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

async function listed(from: Engine, options?: ReadImageOptions): Promise<ImageEntry[]> {
  const entries: ImageEntry[] = [];
  for await (const entry of from.list(name, options)) entries.push(entry);
  return entries;
}

/** What an unpacked layer tells as well: no time where nothing is said of a directory, and not which names are one file. */
function facts(entries: readonly ImageEntry[]): object[] {
  return entries.map(({ path, type, mode, size, mtime, linkTarget }) => {
    return { path, type, mode, size, linkTarget, mtime: mtime < 10 ? mtime : 0 };
  });
}

const digestOfLayer = (at: number): Digest => image.layers[at]?.descriptor.digest as Digest;
const blobPath = (root: string, digest: Digest): string => join(root, "blobs", digest.replace(":", "/"));

describe("list()", () => {
  it("tells what the layers show together, by an engine without layers", async () => {
    await engine.pull(name);
    const [lower, upper] = [digestOfLayer(0), digestOfLayer(1)];
    expect(await listed(engine)).toEqual([
      { path: "/etc", type: "directory", mode: 0o750, uid: 0, gid: 0, size: 0, mtime: 8, layer: lower },
      { path: "/etc/copy", type: "file", mode: 0o640, uid: 0, gid: 0, size: 9, mtime: 9, layer: lower },
      { path: "/etc/motd", type: "file", mode: 0o640, uid: 0, gid: 0, size: 5, mtime: 9, layer: upper },
      {
        path: "/lib",
        type: "symlink",
        mode: 0o777,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 7,
        linkTarget: "usr/lib",
        layer: lower,
      },
      { path: "/usr", type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0, layer: lower },
      { path: "/usr/lib", type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0, layer: lower },
      {
        path: "/usr/lib/x",
        type: "file",
        mode: 0o640,
        uid: 0,
        gid: 0,
        size: 9,
        mtime: 9,
        hardLink: "/etc/copy",
        layer: lower,
      },
    ]);
  });

  it("tells paths, by way of links of the image, and no more", async () => {
    await engine.pull(name);
    expect((await listed(engine, { paths: ["/lib/x"] })).map(({ path }) => path)).toEqual(["/usr/lib/x"]);
    expect((await listed(engine, { paths: ["lib", "/etc/motd"] })).map(({ path }) => path)).toEqual([
      "/etc/motd",
      "/lib",
    ]);
    const followed = await listed(engine, { paths: ["lib"], followLinks: true });
    expect(followed.map(({ path }) => path)).toEqual(["/usr/lib", "/usr/lib/x"]);
    await expect(listed(engine, { paths: ["/etc/gone"] })).rejects.toThrow('"/etc/gone" is not there');
  });

  it("says of an image that is not here how it comes", async () => {
    const error = await failureOf(listed(engine));
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error.message).toContain(`get it with "drayage pull ${name}"`);
  });

  it("refuses options that it does not know", async () => {
    await expect(listed(engine, { paths: [7] } as unknown as ReadImageOptions)).rejects.toThrow(
      ErrInvalidArgument,
    );
  });
});

describe("extract()", () => {
  it("makes what list() tells, and shows how far it has come", async () => {
    await engine.pull(name);
    const target = join(directory, "fs");
    const log = statusLog();
    const extracted = await engine.extract(name, target, { onProgress: log.sink });
    expect(extracted).toEqual({ name, config: image.config.digest, entries: 7, bytes: 14, missing: [] });
    expect(treeOf(target).size).toBe(7);
    expect(await readFile(join(target, "etc/motd"), "utf8")).toBe("upper");
    expect(log.actions(digestOfLayer(0).slice(7, 19))).toContain("Reading");
  });

  it("makes one file of an image", async () => {
    await engine.pull(name);
    const target = join(directory, "fs");
    await engine.extract(name, target, { paths: ["etc/motd"] });
    expect(await readdir(target, { recursive: true })).toEqual(["etc", "etc/motd"]);
  });

  it("makes nothing of a damaged blob, whatever path is wanted", async () => {
    await engine.pull(name);
    const path = blobPath(engine.root, digestOfLayer(0));
    const bytes = await readFile(path);
    bytes[bytes.length - 12] = (bytes[bytes.length - 12] ?? 0) ^ 1;
    await chmod(path, 0o600);
    await writeFile(path, bytes);
    const target = join(directory, "fs");
    await expect(engine.extract(name, target, { paths: ["etc/motd"] })).rejects.toThrow(ErrDataLoss);
    expect(await readdir(target)).toEqual([]);
    await expect(listed(engine)).rejects.toThrow(ErrDataLoss);
  });

  it("is ended by its signal", async () => {
    await engine.pull(name);
    const signal = AbortSignal.abort();
    await expect(engine.extract(name, join(directory, "fs"), { signal })).rejects.toThrow(ErrCanceled);
  });

  it("reads unpacked layers where the blobs are gone, with the same result", async () => {
    await using unpacking = await openEngine({ layers: true });
    await unpacking.pull(name);
    const before = await listed(unpacking);
    for (const { descriptor } of image.layers) await rm(blobPath(unpacking.root, descriptor.digest));
    expect(facts(await listed(unpacking))).toEqual(facts(before));
    const target = join(directory, "fs");
    await unpacking.extract(name, target);
    expect(await readFile(join(target, "etc/motd"), "utf8")).toBe("upper");
    expect([...treeOf(target).keys()]).toEqual(before.map(({ path }) => path.slice(1)));
  });

  it("says which layer is neither here nor unpacked, and how it comes", async () => {
    await engine.pull(name);
    await rm(blobPath(engine.root, digestOfLayer(1)));
    const error = await failureOf(engine.extract(name, join(directory, "fs")));
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error).toMatchObject({ digest: digestOfLayer(1) });
    expect(error.message).toContain(`get it with "drayage pull ${name}"`);
  });
});
