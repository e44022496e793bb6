import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalStore, openLocalStore, writeBlob } from "../../src/content.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { childrenHandler, type Descriptor, labelNeeds } from "../../src/images.ts";

const OCI = "application/vnd.oci.image";

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-needs-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

async function put(mediaType: string, document: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  const descriptor = describeBytes(mediaType, bytes);
  await writeBlob(store, descriptor.digest, bytes, descriptor);
  return descriptor;
}

const CONFIG = describeBytes(`${OCI}.config.v1+json`, Buffer.from("{}"));
const [FIRST = CONFIG, SECOND = CONFIG] = ["a", "b"].map((text) =>
  describeBytes(`${OCI}.layer.v1.tar`, Buffer.from(text)),
);
const GONE = describeBytes(`${OCI}.manifest.v1+json`, Buffer.from("another platform"));

describe("labelNeeds()", () => {
  it("writes what containerd's garbage collector goes by, beside the labels that are there", async () => {
    const manifest = await put(`${OCI}.manifest.v1+json`, { config: CONFIG, layers: [FIRST, SECOND] });
    const index = await put(`${OCI}.index.v1+json`, { manifests: [manifest, GONE] });
    await store.update({ digest: manifest.digest, labels: { own: "kept" } });
    for (let round = 0; round < 2; round++) await labelNeeds(store, index);
    expect((await store.info(index.digest)).labels).toEqual({
      "containerd.io/gc.ref.content.m.0": manifest.digest,
      "containerd.io/gc.ref.content.m.1": GONE.digest,
    });
    expect((await store.info(manifest.digest)).labels).toEqual({
      own: "kept",
      "containerd.io/gc.ref.content.config": CONFIG.digest,
      "containerd.io/gc.ref.content.l.0": FIRST.digest,
      "containerd.io/gc.ref.content.l.1": SECOND.digest,
    });
  });
});

describe("childrenHandler()", () => {
  it("refuses a manifest that calls a part of it an image", async () => {
    const layer = { ...FIRST, mediaType: `${OCI}.index.v1+json` };
    const manifest = await put(`${OCI}.manifest.v1+json`, { config: CONFIG, layers: [layer] });
    await expect(childrenHandler(store)(manifest, {})).rejects.toThrow(
      `children: invalid desc ${manifest.digest}: got ${layer.digest} of type ${layer.mediaType} as part of an image`,
    );
  });
});
