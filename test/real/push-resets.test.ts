import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { CHUNK_BYTES } from "../../src/registry/push/body-limit.ts";
import { TestRegistry } from "../../src/testing/test-registry.ts";
import { openEngine } from "../distribution/support/engine.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { dockerRegistryVersion, startDockerRegistry } from "./support/docker-registry.ts";
import { tagInLayout, writeImage } from "./support/images.ts";

const MIB = 1024 ** 2;

/** Size of the layer whose upload is disturbed. */
const BIG_BYTES = 512 * MIB;

/** The most that the proxy takes at once: where it cuts is known no better. */
const READ_BYTES = 64 * 1024;

/** Longest time for a test that moves the layer, in milliseconds. */
const TIMEOUT_MS = 90_000;

/** Paths of requests that begin, carry or end an upload. */
const UPLOADS = /\/blobs\/uploads\//;

/** Where connections are reset, in bytes sent so far. */
const ONCE = [
  { title: "after 1 MiB", atBytes: [MIB] },
  { title: "in the middle", atBytes: [BIG_BYTES / 2] },
  { title: "near the end", atBytes: [Math.floor(BIG_BYTES * 0.99)] },
];

/** Each attempt comes further than the one before, even at a registry where it begins anew. */
const THREE_TIMES = { title: "three times", atBytes: ONCE.flatMap(({ atBytes }) => atBytes) };

const TEN_TIMES = {
  title: "ten times",
  atBytes: Array.from({ length: 10 }, (_, at) => Math.floor(((at + 1) * BIG_BYTES) / 11)),
};

const LOCAL = "localhost/local/image:v1";

let root: string;
let layer: Descriptor;
let manifest: Descriptor;
/** Bytes of all blobs. */
let needed: number;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-real-"));
  const image = await writeImage(root, { layers: [{ bytes: BIG_BYTES, compression: "none" }] });
  await tagInLayout(root, LOCAL, image.manifest);
  [layer] = image.layers as [Descriptor];
  manifest = image.manifest;
  needed = layer.size + image.config.size;
}, TIMEOUT_MS);

afterAll(() => rm(root, { recursive: true, force: true }));

/** Pushes the image through resets to a registry at `host`. Gives the bytes that were sent beyond those of the blobs. */
async function pushThroughResets(host: string, atBytes: readonly number[]): Promise<number> {
  await using proxy = await startCountingProxy(host);
  await using engine = await openEngine({ root });
  proxy.cutUploads({ path: UPLOADS, atBytes });
  const { digest } = await engine.push(LOCAL, { target: `${proxy.host}/test/big:v1` });
  expect(digest).toBe(manifest.digest);

  const uploads = proxy.records.filter(({ path }) => UPLOADS.test(path));
  expect(uploads.filter(({ cut }) => cut)).toHaveLength(atBytes.length);
  await expectThere(proxy);
  return uploads.reduce((sum, { sentBytes }) => sum + sentBytes, 0) - needed;
}

/** The registry has compared the bytes with the digest before it answers like this. */
async function expectThere({ url }: CountingProxy): Promise<void> {
  const blob = await fetch(`${url}/v2/test/big/blobs/${layer.digest}`, { method: "HEAD" });
  expect([blob.status, blob.headers.get("content-length")]).toEqual([200, String(layer.size)]);
  const tag = await fetch(`${url}/v2/test/big/manifests/v1`, {
    method: "HEAD",
    headers: { accept: manifest.mediaType },
  });
  expect([tag.status, tag.headers.get("docker-content-digest")]).toEqual([200, manifest.digest]);
}

describe("the upload of a big layer to drayage/testing", () => {
  it.each([...ONCE, TEN_TIMES])(
    "sends at most one chunk twice when the connection is reset $title",
    { timeout: TIMEOUT_MS },
    async ({ atBytes }) => {
      await using registry = await TestRegistry.start();
      const extra = await pushThroughResets(registry.host, atBytes);
      expect(extra).toBeGreaterThanOrEqual(0);
      expect(extra).toBeLessThanOrEqual(CHUNK_BYTES);
      expect(registry.uploads("test/big")).toEqual([]);
    },
  );
});

describeReal("the upload of a big layer to CNCF distribution", ["docker-registry"], () => {
  it.each([...ONCE, THREE_TIMES])(
    "sends at most one chunk twice, up to 2.8 all that came, when the connection is reset $title",
    { timeout: TIMEOUT_MS },
    async ({ atBytes }) => {
      await using registry = await startDockerRegistry();
      const extra = await pushThroughResets(registry.host, atBytes);
      const { major } = await dockerRegistryVersion();
      const lost = major >= 3 ? 0 : Math.max(...atBytes);
      expect(extra).toBeGreaterThanOrEqual(lost);
      expect(extra).toBeLessThanOrEqual(lost + (major >= 3 ? CHUNK_BYTES : READ_BYTES));
    },
  );
});
