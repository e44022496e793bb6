import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { seededBytes, TestRegistry } from "../../../src/testing.ts";
import { call, errorCodes } from "../wire.ts";

const SIZE = 100_000;
const bytes = Buffer.from(seededBytes("blob")(0, SIZE));
const digest = digestOf(bytes);
const path = `/v2/a/b/blobs/${digest}`;

describe("handleBlob()", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await TestRegistry.start();
    await registry.putBlob("a/b", bytes);
  });
  afterAll(() => registry.close());

  it("serves a blob with its digest", async () => {
    const response = await call(registry, path);
    expect(response.status).toBe(200);
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    expect(response.headers.get("content-length")).toBe(String(SIZE));
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
  });

  it("answers HEAD with the same headers and no body", async () => {
    const response = await call(registry, path, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe(String(SIZE));
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=10-19", 10, 20],
    ["bytes=99990-", 99_990, SIZE],
    ["bytes=99990-200000", 99_990, SIZE],
    ["bytes=-5", SIZE - 5, SIZE],
    ["bytes=-200000", 0, SIZE],
  ])("answers the range %s with 206 and those bytes", async (range, start, end) => {
    const response = await call(registry, path, { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/${SIZE}`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes.subarray(start, end));
  });

  it("answers any satisfiable range with exactly its bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(SIZE - 1), fc.nat(SIZE - 1), async (one, other) => {
        const [start, last] = one < other ? [one, other] : [other, one];
        const response = await call(registry, path, { headers: { range: `bytes=${start}-${last}` } });
        expect(response.headers.get("content-range")).toBe(`bytes ${start}-${last}/${SIZE}`);
        expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes.subarray(start, last + 1));
      }),
      { numRuns: 30 },
    );
  });

  it.each(["bytes=100000-", "bytes=100001-100002", "bytes=-0"])(
    "answers the range %s with 416",
    async (range) => {
      const response = await call(registry, path, { headers: { range } });
      expect(response.status).toBe(416);
      expect(response.headers.get("content-range")).toBe(`bytes */${SIZE}`);
      await response.arrayBuffer();
    },
  );

  it.each(["bytes=0-1,3-4", "bytes=-", "bytes=5-4", "lines=1-2", "bytes=a-b"])(
    "ignores the range %s as if it were not there",
    async (range) => {
      const response = await call(registry, path, { headers: { range } });
      expect(response.status).toBe(200);
      expect((await response.arrayBuffer()).byteLength).toBe(SIZE);
    },
  );

  it.each([
    ["GET", `/v2/a/b/blobs/sha256:${"0".repeat(64)}`, 404, "BLOB_UNKNOWN"],
    ["GET", `/v2/other/blobs/${digest}`, 404, "BLOB_UNKNOWN"],
    ["GET", "/v2/a/b/blobs/sha256:short", 400, "DIGEST_INVALID"],
    ["GET", `/v2/a/b/blobs/md5:${"0".repeat(32)}`, 400, "DIGEST_INVALID"],
    ["GET", `/v2/A/blobs/${digest}`, 400, "NAME_INVALID"],
    ["PUT", path, 405, "UNSUPPORTED"],
    ["DELETE", `/v2/other/blobs/${digest}`, 404, "BLOB_UNKNOWN"],
  ])("answers %s %s with %i %s", async (method, target, status, code) => {
    const response = await call(registry, target, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await errorCodes(response)).toEqual([code]);
  });

  it("deletes a blob from its repository only", async () => {
    const victim = Buffer.from("delete me");
    await registry.putBlob("one", victim);
    await registry.putBlob("two", victim);
    const target: Digest = digestOf(victim);
    expect((await call(registry, `/v2/one/blobs/${target}`, { method: "DELETE" })).status).toBe(202);
    expect(registry.blobs("one")).toEqual([]);
    expect((await call(registry, `/v2/one/blobs/${target}`, { method: "HEAD" })).status).toBe(404);
    expect((await call(registry, `/v2/two/blobs/${target}`, { method: "HEAD" })).status).toBe(200);
  });

  it("serves an empty blob", async () => {
    const { digest: empty } = await registry.putBlob("a/b", new Uint8Array());
    const response = await call(registry, `/v2/a/b/blobs/${empty}`);
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "0"]);
    const ranged = await call(registry, `/v2/a/b/blobs/${empty}`, { headers: { range: "bytes=0-" } });
    expect(ranged.status).toBe(416);
  });
});
