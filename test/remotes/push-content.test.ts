import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { writeBlob } from "../../src/content/write-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrUnavailable, isNotFound } from "../../src/errors.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { pushContent } from "../../src/remotes/push-content.ts";
import type { Pusher } from "../../src/remotes/pusher.ts";

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-push-"));
  store = await openLocalStore({ root });
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

async function put(text: string, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(text);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await writeBlob(store, text.slice(0, 100), bytes, descriptor);
  return descriptor;
}

async function putImage(name: string): Promise<Descriptor> {
  const config = await put(`config of ${name}`, OCI_CONFIG);
  const layers = [await put(`layer of ${name}`, OCI_LAYER_GZIP), await put("shared layer", OCI_LAYER_GZIP)];
  return await put(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }),
    OCI_MANIFEST,
  );
}

async function putIndex(manifests: readonly Descriptor[]): Promise<Descriptor> {
  return await put(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
}

/** A pusher that writes down what it gets, and refuses a document that names something it has not got. */
function recording(pushed: string[] = []): Pusher & { tags: Map<string, string> } {
  const tags = new Map<string, string>();
  return {
    source: "nobody",
    endpoint: "https://registry.example",
    tags,
    async abandon() {},
    async push({ digest }, content, { tag } = {}) {
      await using reader = await content.readerAt({ digest });
      const buffer = new Uint8Array(reader.size);
      await reader.readAt(buffer, 0);
      for (const [named] of Buffer.from(buffer)
        .toString()
        .matchAll(/sha256:[0-9a-f]{64}/g)) {
        if (!pushed.includes(named)) throw new ErrUnavailable(`${named} is missing`);
      }
      pushed.push(digest);
      if (tag !== undefined) tags.set(tag, digest);
      return { kind: "uploaded" };
    },
  };
}

describe("pushContent()", () => {
  it("sends children before parents, and the tag last", async () => {
    const index = await putIndex([await putImage("a"), await putIndex([await putImage("b")])]);
    const pushed: string[] = [];
    const pusher = recording(pushed);
    await pushContent(index, { pusher, content: store, tag: "v1" });
    expect(pushed.at(-1)).toBe(index.digest);
    expect(new Set(pushed).size).toBe(9); // four documents, two configs, three layers
    expect(pushed).toHaveLength(9);
    expect([...pusher.tags]).toEqual([["v1", index.digest]]);
  });

  it("sends a subject before what refers to it, whatever the order in the index", async () => {
    const image = await putImage("a");
    const config = await put("{}", OCI_CONFIG);
    const proofOf = (subject: Descriptor) =>
      put(
        JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], subject }),
        OCI_MANIFEST,
      );
    const list = await putIndex([image]);
    const proof = await proofOf(image);
    const index = await putIndex([await proofOf(list), await proofOf(proof), proof, image, list]);
    const pushed: string[] = [];
    await pushContent(index, { pusher: recording(pushed), content: store }); // refuses what comes too early
    expect(pushed.at(-1)).toBe(index.digest);
  });

  it("does not wait for a subject that is not pushed", async () => {
    const config = await put("{}", OCI_CONFIG);
    const subject = { mediaType: OCI_MANIFEST, digest: digestOf("elsewhere"), size: 9 };
    const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], subject };
    const proof = await put(JSON.stringify(document), OCI_MANIFEST);
    const pushed: string[] = [subject.digest];
    await pushContent(proof, { pusher: recording(pushed), content: store });
    expect(pushed.at(-1)).toBe(proof.digest);
  });

  it("puts a single manifest once, under its tag", async () => {
    const manifest = await putImage("a");
    const pushed: string[] = [];
    await pushContent(manifest, { pusher: recording(pushed), content: store, tag: "v1" });
    expect(pushed.filter((digest) => digest === manifest.digest)).toHaveLength(1);
  });

  it("gives the blobs to whoever moves them", async () => {
    const manifest = await putImage("a");
    const moved: string[] = [];
    const pusher = recording(moved);
    await pushContent(manifest, {
      pusher,
      content: store,
      pushBlobs: async (blobs) => {
        moved.push(...blobs.map(({ digest }) => digest));
      },
    });
    expect(moved).toHaveLength(4);
  });

  it("sends nothing when content is missing, and says which", async () => {
    const missing = {
      mediaType: OCI_MANIFEST,
      digest: digestOf("gone"),
      size: 4,
      platform: { os: "linux", architecture: "arm64" },
    };
    const index = await putIndex([await putImage("a"), missing]);
    const pushed: string[] = [];
    const error = await pushContent(index, { pusher: recording(pushed), content: store }).catch(
      (cause: unknown) => cause,
    );
    expect(isNotFound(error)).toBe(true);
    expect((error as Error).message).toContain(
      `push ${missing.digest}: content for linux/arm64 is not in the store`,
    );
    expect(pushed).toEqual([]);
  });

  it("makes no tag when a blob fails", async () => {
    const manifest = await putImage("a");
    const pusher = recording();
    const failing: Pusher = {
      ...pusher,
      push: async (descriptor, ...rest) => {
        if (descriptor.mediaType === OCI_LAYER_GZIP) throw new ErrUnavailable("broken");
        return await pusher.push(descriptor, ...rest);
      },
    };
    await expect(pushContent(manifest, { pusher: failing, content: store, tag: "v1" })).rejects.toThrow(
      "broken",
    );
    expect(pusher.tags.size).toBe(0);
  });
});
