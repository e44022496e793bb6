import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { completeImages } from "../../src/archive/complete-images.ts";
import { writeBlob } from "../../src/content/write-blob.ts";
import type { Digest } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../src/errors/classes.ts";
import { DOCKER_FOREIGN_LAYER } from "../../src/oci/media-types.ts";
import { type DataRoot, openDataRoot } from "./support/data-root.ts";
import { makeImage, makeIndex, type TestImage } from "./support/image.ts";

const AMD = makeImage(["amd base", "shared"]);
const ARM = makeImage(["arm base", "shared"], { platform: { os: "linux", architecture: "arm64" } });
const ATTESTATION = makeImage(["statement"], { platform: { os: "unknown", architecture: "unknown" } });
let root: DataRoot;

beforeEach(async () => {
  root = await openDataRoot();
});

afterEach(async () => {
  await root[Symbol.asyncDispose]();
});

/** Puts all of an image into the store, except what is named. */
async function put({ blobs }: TestImage, ...except: readonly (Digest | undefined)[]): Promise<void> {
  for (const [digest, bytes] of blobs) {
    if (!except.includes(digest)) await writeBlob(root.content, digest, bytes, { digest });
  }
}

describe("completeImages()", () => {
  it("gives the image of a manifest and all its content", async () => {
    await put(AMD);
    const { images, content } = await completeImages(root.content, AMD.target);
    const [config, ...layers] = AMD.children;
    expect(images).toEqual([{ manifest: AMD.target, config, layers }]);
    expect([...content.keys()].toSorted()).toEqual([...AMD.blobs.keys()].toSorted());
  });

  it("names the first thing that a manifest lacks, itself included", async () => {
    for (const { digest } of [AMD.target, ...AMD.children]) {
      await using other = await openDataRoot();
      for (const [key, bytes] of AMD.blobs) {
        if (key !== digest) await writeBlob(other.content, key, bytes);
      }
      const looking = completeImages(other.content, AMD.target);
      await expect(looking).rejects.toThrow(ErrNotFound);
      await expect(looking).rejects.toThrow(`content ${digest}: not found`);
    }
  });

  it("gives the images of an index that are there, and leaves out those that are not, in whole or in part", async () => {
    const index = makeIndex([AMD, ARM, ATTESTATION]);
    for (const missing of [ARM.target.digest, ARM.children[0]?.digest, ARM.children[1]?.digest]) {
      await using other = await openDataRoot();
      for (const [key, bytes] of index.blobs) {
        if (key !== missing) await writeBlob(other.content, key, bytes);
      }
      const { images, content } = await completeImages(other.content, index.target);
      expect(images.map(({ manifest }) => manifest.digest)).toEqual([
        AMD.target.digest,
        ATTESTATION.target.digest,
      ]);
      const expected = [index.target.digest, ...AMD.blobs.keys(), ...ATTESTATION.blobs.keys()];
      expect([...content.keys()].toSorted()).toEqual(expected.toSorted());
    }
  });

  it("does not take for present what a descriptor holds", async () => {
    await put(AMD, AMD.target.digest);
    const data = Buffer.from(AMD.blobs.get(AMD.target.digest) ?? []).toString("base64");
    const looking = completeImages(root.content, { ...AMD.target, data });
    await expect(looking).rejects.toThrow(`content ${AMD.target.digest}: not found`);
  });

  it("looks into nested indexes", async () => {
    const nested = makeIndex([makeIndex([AMD]), ARM]);
    await put(nested);
    expect((await completeImages(root.content, nested.target)).images).toHaveLength(2);
  });

  it("throws ErrNotFound when only an attestation is complete, or nothing at all is below", async () => {
    const index = makeIndex([AMD, ATTESTATION]);
    const missing = AMD.children[1]?.digest;
    await put(index, missing);
    await expect(completeImages(root.content, index.target)).rejects.toThrow(`content ${missing}: not found`);
    const empty = makeIndex([]);
    await put(empty);
    await expect(completeImages(root.content, empty.target)).rejects.toThrow(ErrNotFound);
  });

  it("does without layers that nobody may distribute", async () => {
    const windows = makeImage(["windows base"], { layerType: DOCKER_FOREIGN_LAYER });
    const base = windows.children[1]?.digest;
    await put(windows, base);
    const { images, content } = await completeImages(root.content, windows.target);
    expect(images[0]?.layers.map(({ digest }) => digest)).toEqual([base]);
    expect(content.has(windows.target.digest)).toBe(true);
    expect([...content.keys()]).not.toContain(base);
  });

  it("throws ErrDataLoss for content of another size than its descriptor says", async () => {
    await put(AMD);
    const target = { ...AMD.target, size: AMD.target.size + 1 };
    await expect(completeImages(root.content, target)).rejects.toThrow(ErrDataLoss);
    const [config, layer] = AMD.children;
    const children = async () => [config, layer && { ...layer, size: 3 }].flatMap((child) => child ?? []);
    const looking = completeImages(root.content, AMD.target, { children });
    await expect(looking).rejects.toThrow(ErrDataLoss);
    await expect(looking).rejects.toThrow(`got ${layer?.size} bytes, want 3`);
  });

  it("throws what is wrong with a document, and the abort error", async () => {
    const bytes = Buffer.from('{"schemaVersion":2,"layers":[]}');
    const broken = makeIndex([AMD]);
    await writeBlob(root.content, "broken", bytes);
    const [digest] = await root.digests();
    if (digest === undefined) throw new Error("nothing was written");
    const target = { ...AMD.target, digest, size: bytes.byteLength };
    await expect(completeImages(root.content, target)).rejects.toThrow(ErrInvalidArgument);
    await put(broken);
    const aborted = completeImages(root.content, broken.target, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toThrow(ErrCanceled);
  });
});
