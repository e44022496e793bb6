import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NameReferences } from "../../../src/content/ownership/name-references.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { ErrDataLoss } from "../../../src/errors.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";

let root: string;
let documents: Map<Digest, Uint8Array>;
let labels: Map<Digest, Record<string, string>>;
let reads: Digest[];
let damaged: Digest[];
let references: NameReferences;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-references-"));
  documents = new Map();
  labels = new Map();
  reads = [];
  damaged = [];
  references = new NameReferences({
    indexPath: join(root, "index.json"),
    documents: {
      async read(digest) {
        reads.push(digest);
        return documents.get(digest);
      },
      labels: async (digest) => labels.get(digest) ?? {},
    },
    onDamaged: (digest) => damaged.push(digest),
  });
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const blob = (text: string): Digest => digestOf(Buffer.from(text));

function put(document: object): Digest {
  const bytes = Buffer.from(JSON.stringify(document));
  documents.set(digestOf(bytes), bytes);
  return digestOf(bytes);
}

const manifest = (...layers: readonly string[]): Digest =>
  put({
    config: { mediaType: "x", digest: blob("config") },
    layers: layers.map((text) => ({ mediaType: LAYER, digest: blob(text) })),
  });

const names = (manifests: readonly unknown[]): Promise<void> =>
  writeFile(join(root, "index.json"), JSON.stringify({ manifests }));

describe("NameReferences", () => {
  it("reaches everything below an index, also what is not there", async () => {
    const [one, gone] = [manifest("a"), blob("another platform")];
    const index = put({ manifests: [one, gone].map((digest) => ({ mediaType: MANIFEST, digest })) });
    const reached = await references.reach([{ digest: index, mediaType: INDEX }]);
    expect([...reached]).toEqual([index, one, gone, blob("config"), blob("a")]);
    expect(damaged).toEqual([]);
  });

  it("reads no document twice, and none of a layer", async () => {
    const roots = Array.from({ length: 50 }, (_, at) => ({
      digest: manifest("base", String(at)),
      mediaType: MANIFEST,
    }));
    for (let round = 0; round < 3; round++) await references.reach([...roots, ...roots]);
    expect(reads).toEqual(roots.map(({ digest }) => digest));
  });

  it("finds out by itself what content is that nobody calls a document", async () => {
    const digest = manifest("a");
    expect((await references.reach([{ digest }])).size).toBe(3);
    documents.set(blob("text"), Buffer.from("text"));
    expect([...(await references.reach([{ digest: blob("text") }]))]).toEqual([blob("text")]);
    expect(damaged).toEqual([]);
  });

  it("keeps what the labels and the remains of a damaged document name, and tells", async () => {
    const digest = manifest("a", "b");
    labels.set(digest, { "containerd.io/gc.ref.content.l.1": blob("b"), other: blob("c") });
    const bytes = documents.get(digest) ?? new Uint8Array();
    documents.set(digest, bytes.subarray(0, bytes.length - 120));
    const reached = await references.reach([{ digest, mediaType: MANIFEST }]);
    expect(reached).toEqual(new Set([digest, blob("config"), blob("a"), blob("b")]));
    expect(damaged).toEqual([digest]);
  });

  it("names who needs content", async () => {
    const mediaType = MANIFEST;
    const annotations = { "org.opencontainers.image.ref.name": "team/app:v1" };
    await names([
      { mediaType, digest: manifest("a"), annotations },
      { mediaType, digest: manifest("b") },
      { digest: "md5:00" },
      7,
    ]);
    expect(await references.holder(blob("a"))).toBe("team/app:v1");
    expect(await references.holder(blob("b"))).toBe(manifest("b"));
    expect(await references.holder(blob("c"))).toBeUndefined();
  });

  it.each([
    ["is damaged", () => writeFile(join(root, "index.json"), "[{")],
    ["is gone from a layout", () => writeFile(join(root, "oci-layout"), "{}")],
  ])("knows nothing to be free when the list of names %s", async (_, spoil) => {
    await spoil();
    await expect(references.roots()).rejects.toThrow(ErrDataLoss);
  });

  it("needs nothing where there is no layout", async () => {
    expect(await references.roots()).toEqual([]);
  });
});
