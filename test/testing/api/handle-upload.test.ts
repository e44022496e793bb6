import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { seededBytes, TestRegistry } from "../../../src/testing.ts";
import { call, collect, errorCodes, Wire } from "../wire.ts";

const bytes = Buffer.from(seededBytes("upload")(0, 10_000));
const digest = digestOf(bytes);

/** Adds a parameter to a location, which may have others. */
function withQuery(location: string, name: string, value: string): string {
  const url = new URL(location, "http://registry");
  url.searchParams.set(name, value);
  return url.pathname + url.search;
}

describe("handleUpload()", () => {
  let registry: TestRegistry;
  let count = 0;
  beforeAll(async () => {
    registry = await TestRegistry.start();
  });
  afterAll(() => registry.close());

  const newName = (): string => `upload/${count++}`;

  async function start(name: string): Promise<string> {
    const response = await call(registry, `/v2/${name}/blobs/uploads/`, { method: "POST" });
    expect([response.status, response.headers.get("range")]).toEqual([202, "0-0"]);
    return response.headers.get("location") ?? "";
  }

  const patch = (location: string, body: Uint8Array, range?: string): Promise<Response> =>
    call(registry, location, {
      method: "PATCH",
      body: Buffer.from(body),
      headers: { "content-type": "application/octet-stream", ...(range && { "content-range": range }) },
    });

  const put = (location: string, body?: Uint8Array, of = digest): Promise<Response> =>
    call(registry, withQuery(location, "digest", of), {
      method: "PUT",
      ...(body && { body: Buffer.from(body) }),
    });

  it("takes a blob in one POST", async () => {
    const name = newName();
    const response = await call(registry, `/v2/${name}/blobs/uploads/?digest=${digest}`, {
      method: "POST",
      body: bytes,
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toBe(`/v2/${name}/blobs/${digest}`);
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    expect(await collect(registry.readBlob(name, digest))).toEqual(bytes);
    expect(registry.uploads(name)).toEqual([]);
  });

  it("takes a blob by POST and PUT", async () => {
    const name = newName();
    const response = await put(await start(name), bytes);
    expect(response.status).toBe(201);
    expect(await collect(registry.readBlob(name, digest))).toEqual(bytes);
    expect(registry.uploads(name)).toEqual([]);
  });

  it("takes a streamed PATCH without Content-Range", async () => {
    const name = newName();
    const response = await call(registry, await start(name), {
      method: "PATCH",
      body: new Blob([bytes]).stream(),
      duplex: "half",
    });
    expect([response.status, response.headers.get("range")]).toEqual([202, "0-9999"]);
    expect((await put(response.headers.get("location") ?? "")).status).toBe(201);
    expect(await collect(registry.readBlob(name, digest))).toEqual(bytes);
  });

  it("takes chunks of any sizes, the last one by PATCH or PUT", async () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 9999 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.boolean(), async (inner, lastByPut) => {
        const name = newName();
        const ends = [...inner.sort((a, b) => a - b), bytes.byteLength];
        let location = await start(name);
        let offset = 0;
        for (const end of lastByPut ? ends.slice(0, -1) : ends) {
          const response = await patch(location, bytes.subarray(offset, end), `${offset}-${end - 1}`);
          expect([response.status, response.headers.get("range")]).toEqual([202, `0-${end - 1}`]);
          location = response.headers.get("location") ?? "";
          offset = end;
        }
        expect((await put(location, bytes.subarray(offset))).status).toBe(201);
        expect(await collect(registry.readBlob(name, digest))).toEqual(bytes);
      }),
      { numRuns: 20 },
    );
  });

  it("takes a blob whose digest is not sha256", async () => {
    const name = newName();
    const sha512 = digestOf(bytes, "sha512");
    expect((await put(await start(name), bytes, sha512)).status).toBe(201);
    expect(registry.blobs(name)).toEqual([sha512]);
  });

  it.each([
    ["a gap", "5000-9999", 416, "BLOB_UPLOAD_INVALID"],
    ["an overlap", "0-4999", 416, "BLOB_UPLOAD_INVALID"],
    ["a unit in the range", "bytes 10-5009", 400, "BLOB_UPLOAD_INVALID"],
    ["another length than the range", "10-999", 400, "SIZE_INVALID"],
  ])("refuses a chunk with %s and says where it stands", async (_, range, status, code) => {
    const name = newName();
    const location = await start(name);
    await patch(location, bytes.subarray(0, 10), "0-9");
    const response = await patch(location, bytes.subarray(0, 5000), range);
    expect(response.status).toBe(status);
    expect(await errorCodes(response)).toEqual([code]);
    const state = await call(registry, location);
    expect([state.status, state.headers.get("range")]).toEqual([204, "0-9"]);
    expect(state.headers.get("location")).toContain(`/v2/${name}/blobs/uploads/`);
  });

  it("keeps what arrived before the connection broke, and goes on from there", async () => {
    const name = newName();
    const location = await start(name);
    const fault = registry.fault(
      { method: "PATCH", repository: name },
      { resetRequest: { afterBytes: 1234 } },
    );
    await expect(patch(location, bytes, "0-9999")).rejects.toThrow();
    expect(fault.hits).toBe(1);
    const state = await call(registry, location);
    expect(state.headers.get("range")).toBe("0-1233");
    const rest = await patch(location, bytes.subarray(1234), "1234-9999");
    expect(rest.status).toBe(202);
    expect((await put(location)).status).toBe(201);
    expect(await collect(registry.readBlob(name, digest))).toEqual(bytes);
  });

  it("keeps what a client sent before it went away", async () => {
    const name = newName();
    const location = await start(name);
    {
      await using wire = await Wire.open(registry);
      wire.send("PATCH", location, { "content-length": "10000" });
      wire.socket.write(bytes.subarray(0, 700));
      await registry.waitFor((request) => request.method === "PATCH" && request.repository === name);
      wire.socket.end();
      await registry.waitFor((request) => request.method === "PATCH" && request.repository === name, {
        finished: true,
      });
    }
    expect((await call(registry, location)).headers.get("range")).toBe("0-699");
  });

  it("does not let two requests write at the same time", async () => {
    const name = newName();
    const location = await start(name);
    const halves = [bytes.subarray(0, 5000), bytes.subarray(5000)];
    const ranges = ["0-4999", "5000-9999"];
    const responses = await Promise.all([
      patch(location, halves[0] ?? bytes, ranges[0]),
      patch(location, halves[0] ?? bytes, ranges[0]),
    ]);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([202, 416]));
    await patch(location, halves[1] ?? bytes, ranges[1]);
    expect((await put(location)).status).toBe(201);
  });

  it("finishes a session once when two requests ask for it", async () => {
    const name = newName();
    const location = await start(name);
    const responses = await Promise.all([put(location, bytes), put(location, bytes)]);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([201, 404]));
    expect(await collect(registry.readBlob(name, digest))).toEqual(bytes);
  });

  it("refuses a last chunk that is out of order, and keeps the session", async () => {
    const name = newName();
    const location = await start(name);
    const response = await call(registry, withQuery(location, "digest", digest), {
      method: "PUT",
      body: bytes.subarray(10),
      headers: { "content-range": "10-9999" },
    });
    expect(response.status).toBe(416);
    expect((await put(location, bytes)).status).toBe(201);
  });

  it("refuses bytes that do not have the digest, and ends the session", async () => {
    const name = newName();
    const location = await start(name);
    const response = await put(location, bytes.subarray(1));
    expect(response.status).toBe(400);
    expect(await errorCodes(response)).toEqual(["DIGEST_INVALID"]);
    expect(registry.blobs(name)).toEqual([]);
    expect(registry.uploads(name)).toEqual([]);
  });

  it("refuses to finish without a digest, and keeps the session", async () => {
    const name = newName();
    const location = await start(name);
    const response = await call(registry, location, { method: "PUT", body: bytes });
    expect(await errorCodes(response)).toEqual(["DIGEST_INVALID"]);
    expect((await put(location, bytes)).status).toBe(201);
  });

  it("cancels a session by DELETE", async () => {
    const name = newName();
    const location = await start(name);
    expect((await call(registry, location, { method: "DELETE" })).status).toBe(204);
    const response = await call(registry, location);
    expect(response.status).toBe(404);
    expect(await errorCodes(response)).toEqual(["BLOB_UPLOAD_UNKNOWN"]);
  });

  it.each([
    ["GET", "/v2/a/blobs/uploads/"],
    ["POST", "/v2/a/blobs/uploads/{id}"],
  ])("answers %s %s with 405", async (method, path) => {
    const id = (await start("a")).replace(/^.*uploads\/|\?.*$/g, "");
    const response = await call(registry, path.replace("{id}", id), { method });
    expect(response.status).toBe(405);
    await response.arrayBuffer();
  });

  it.each([
    ["the repository that has it", (from: string) => `&from=${from}`, 201],
    ["any repository", () => "", 201],
    ["a repository that lacks it", () => "&from=nowhere", 202],
  ])("mounts a blob from %s", async (_, from, status) => {
    const source = newName();
    const target = newName();
    const blob = await registry.putBlob(source, Buffer.from(source));
    const response = await call(
      registry,
      `/v2/${target}/blobs/uploads/?mount=${blob.digest}${from(source)}`,
      { method: "POST" },
    );
    expect(response.status).toBe(status);
    expect(registry.blobs(target)).toEqual(status === 201 ? [blob.digest] : []);
    expect(registry.uploads(target)).toHaveLength(status === 201 ? 0 : 1);
    expect(response.headers.get("location")).toContain(`/v2/${target}/blobs/`);
  });

  it("starts a session when nobody has the blob to mount", async () => {
    const name = newName();
    const target = `/v2/${name}/blobs/uploads/?mount=${digestOf("nowhere")}`;
    expect((await call(registry, target, { method: "POST" })).status).toBe(202);
    expect(registry.uploads(name)).toHaveLength(1);
  });

  it("announces and enforces the smallest chunk", async () => {
    await using strict = await TestRegistry.start({ chunkMinBytes: 100 });
    const response = await call(strict, "/v2/a/blobs/uploads/", { method: "POST" });
    expect(response.headers.get("oci-chunk-min-length")).toBe("100");
    const location = response.headers.get("location") ?? "";
    const chunk = (start: number, end: number): Promise<Response> =>
      call(strict, location, {
        method: "PATCH",
        body: bytes.subarray(start, end),
        headers: { "content-range": `${start}-${end - 1}` },
      });
    expect((await chunk(0, 100)).status).toBe(202);
    expect((await chunk(100, 150)).status).toBe(202);
    expect(await errorCodes(await chunk(150, 300))).toEqual(["BLOB_UPLOAD_INVALID"]);
  });
});
