import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import type { PushClient } from "../../../src/registry/push/push-client.ts";
import { finishAddress } from "../../../src/registry/push/upload-session.ts";
import { PushLab, REPOSITORY, storedBytes } from "../support/push-lab.ts";
import { type ScriptedServer, scriptedServer } from "../support/scripted-server.ts";
import { TestBlob } from "../support/test-blob.ts";

async function offsetOf(client: PushClient): Promise<number | undefined> {
  return (await client.uploadOffset(await client.startUpload()))?.offset;
}

describe("PushClient", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  /** A registry that answers every POST with this `Location`, and each request after it with success. */
  async function locating(location: (origin: string) => string): Promise<ScriptedServer> {
    const server = await scriptedServer(({ method }, response) => {
      if (method === "POST") response.setHeader("location", location(server.origin));
      response.writeHead(method === "POST" ? 202 : 201).end();
    });
    return await lab.use(Promise.resolve(server));
  }

  describe("startUpload()", () => {
    it("opens a session that has nothing yet", async () => {
      const registry = await lab.registry({ chunkMinBytes: 1_000 });
      const session = await lab.client(registry.url).startUpload();
      const [id] = registry.uploads(REPOSITORY);
      expect(session).toEqual({
        location: `${registry.url}/v2/${REPOSITORY}/blobs/uploads/${id}?state=0`,
        minChunkBytes: 1_000,
        isNew: true,
      });
      expect(registry.requests[0]?.headers["content-length"]).toBe("0");
    });

    it.each([[undefined], ["http://["]])("throws for the location %s", async (location) => {
      const server = await lab.use(
        scriptedServer((_, response) => {
          if (location !== undefined) response.setHeader("location", location);
          response.writeHead(202).end();
        }),
      );
      await expect(lab.client(server.origin).startUpload()).rejects.toMatchObject({
        name: "ErrUnknown",
        message: `start upload ${server.origin}/v2/team/app/blobs/uploads/: got no location, wanted one`,
        retryable: false,
      });
    });

    it("shows no credentials at a location that another origin chose, not even at the endpoint", async () => {
      const shown: Array<string | undefined> = [];
      const endpoint = await lab.use(
        scriptedServer(({ method, headers }, response) => {
          if (method !== "POST") shown.push(headers.authorization);
          else if (headers.authorization !== undefined) {
            response.setHeader("location", `${other.origin}/start`).writeHead(307).end();
            return;
          }
          response.setHeader("www-authenticate", 'Basic realm="r"').writeHead(401).end();
        }),
      );
      const other = await lab.use(
        scriptedServer((_, response) => {
          response.setHeader("location", `${endpoint.origin}/v2/victim/blobs/uploads/1`).writeHead(202).end();
        }),
      );
      const client = lab.client(endpoint.origin, {
        credentials: async () => ({ username: "u", password: "p" }),
      });
      const session = await client.startUpload();
      expect(session).toMatchObject({ stranger: true });
      await expect(client.uploadBlob(new TestBlob(10), { session })).rejects.toMatchObject({
        httpStatus: 401,
      });
      await expect(client.cancelUpload(session)).rejects.toMatchObject({ httpStatus: 401 });
      expect(shown).toEqual([undefined, undefined]);
    });

    it("throws what the registry says", async () => {
      const registry = await lab.registry();
      registry.fault(
        { method: "POST" },
        { status: 403, body: { errors: [{ code: "DENIED", message: "read only" }] } },
      );
      await expect(lab.client(registry.url).startUpload()).rejects.toMatchObject({
        name: "ErrPermissionDenied",
        message: "denied: read only",
      });
    });

    it.each([[""], ["0"], ["-5"], ["many"]])("takes the minimum %j for none", async (minimum) => {
      const registry = await lab.registry();
      registry.fault({ method: "POST" }, { setHeaders: { "oci-chunk-min-length": minimum } });
      expect(await lab.client(registry.url).startUpload()).toMatchObject({ minChunkBytes: 0 });
    });
  });

  describe("uploads to the location that the registry gives", () => {
    it.each([
      ["relative to the host", () => "/upload/1", "/upload/1?digest=<digest>"],
      ["relative to the request", () => "1?a=b", "/v2/team/app/blobs/uploads/1?a=b&digest=<digest>"],
      ["absolute", (origin: string) => `${origin}/upload/1`, "/upload/1?digest=<digest>"],
      [
        "with a query that has to stay",
        () => "/u?_state=a%2Bb%3D%3D&X-Sig=~x+y&empty",
        "/u?_state=a%2Bb%3D%3D&X-Sig=~x+y&empty&digest=<digest>",
      ],
      ["with an empty query and a fragment", () => "/u?#top", "/u?digest=<digest>"],
    ])("%s", async (_, location, address) => {
      const server = await locating(location);
      const blob = new TestBlob(4);
      await lab.client(server.origin).uploadBlob(blob);
      const put = server.seen[1];
      const digest = encodeURIComponent(blob.digest);
      expect(`${put?.url.pathname}${put?.url.search}`).toBe(address.replace("<digest>", digest));
      expect(put?.headers["content-type"]).toBe("application/octet-stream");
    });

    it("at another origin, where our credentials do not follow", async () => {
      const elsewhere = await lab.use(scriptedServer((_, response) => response.writeHead(201).end()));
      const registry = await lab.registry({ auth: { basic: { username: "u", password: "p" } } });
      registry.fault(
        { method: "POST", when: ({ authorization }) => authorization !== undefined },
        { status: 202, headers: { location: `${elsewhere.origin}/bucket/1?signature=s` } },
      );
      const client = lab.client(registry.url, {
        credentials: async () => ({ username: "u", password: "p" }),
        metaHeaders: { "X-Meta-Key": "secret" },
      });
      const blob = new TestBlob(1_000);
      await client.uploadBlob(blob);
      const [put] = elsewhere.seen;
      expect(put?.url.searchParams.get("signature")).toBe("s");
      expect(put?.url.searchParams.get("digest")).toBe(blob.digest);
      expect(Object.keys(put?.headers ?? {}).toSorted()).toEqual([
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
      ]);
    });

    it("never shows a signed location in an error", async () => {
      const elsewhere = await lab.use(scriptedServer((_, response) => response.writeHead(403).end()));
      const server = await locating(() => `${elsewhere.origin}/bucket/1?signature=secret`);
      const error: unknown = await lab
        .client(server.origin)
        .uploadBlob(new TestBlob(4))
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ name: "ErrPermissionDenied", endpoint: elsewhere.origin });
      expect(JSON.stringify([error, String(error)])).not.toContain("secret");
    });

    it.each([["ftp://elsewhere.test/x"], ["data:,x"]])("but not to %s", async (location) => {
      const server = await locating(() => location);
      await expect(lab.client(server.origin).startUpload()).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringMatching(/^POST http:\S+: upload location at \S+ refused, wanted http:$/),
        retryable: false,
      });
    });

    it("following it from answer to answer", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const first = await client.startUpload();
      const state = await client.uploadOffset(first);
      expect(state).toEqual({ session: { location: first.location, minChunkBytes: 0 }, offset: 0 });
      registry.fault({ method: "GET" }, { setHeaders: { location: "/v2/team/app/blobs/uploads/other?x=1" } });
      const moved = await client.uploadOffset(first);
      expect(moved?.session.location).toBe(`${registry.url}/v2/team/app/blobs/uploads/other?x=1`);
    });
  });

  describe("uploadOffset()", () => {
    it.each([
      ["0-0", 0],
      ["0-1", 2],
      ["bytes=0-999", 1_000],
      ["5-9", undefined],
      ["", undefined],
    ])("reads %j as %s", async (range, offset) => {
      const registry = await lab.registry();
      registry.fault({ method: "GET" }, { setHeaders: { range } });
      expect(await offsetOf(lab.client(registry.url))).toBe(offset);
    });

    it.each([[400], [404], [405], [410], [501]])("is undefined after a %d", async (status) => {
      const registry = await lab.registry();
      registry.fault({ method: "GET" }, { status, headers: { range: "0-9" } });
      expect(await offsetOf(lab.client(registry.url))).toBeUndefined();
    });

    it.each([[401], [403], [429], [500]])("throws after a %d", async (status) => {
      const registry = await lab.registry();
      registry.fault({ method: "GET" }, { status });
      await expect(offsetOf(lab.client(registry.url))).rejects.toMatchObject({ httpStatus: status });
    });
  });

  describe("cancelUpload()", () => {
    it("ends the session", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      await client.cancelUpload(await client.startUpload());
      expect(registry.uploads(REPOSITORY)).toEqual([]);
    });

    it.each([404, 405, 410, 501])("has nothing to do where the answer is %d", async (status) => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const session = await client.startUpload();
      registry.fault({ method: "DELETE" }, { status });
      await client.cancelUpload(session);
      expect(registry.requests.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
    });

    it("asks for the newest address where the one that it has is too old", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const session = await client.startUpload();
      registry.fault({ method: "DELETE" }, { status: 416 });
      await client.cancelUpload(session);
      expect(registry.requests.map(({ method }) => method)).toEqual(["POST", "DELETE", "GET", "DELETE"]);
      expect(registry.uploads(REPOSITORY)).toEqual([]);
    });

    it("gives up when no address is new enough", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const session = await client.startUpload();
      registry.fault({ method: "DELETE", times: Number.POSITIVE_INFINITY }, { status: 416 });
      await expect(client.cancelUpload(session)).rejects.toMatchObject({ httpStatus: 416 });
      expect(registry.requests.filter(({ method }) => method === "DELETE")).toHaveLength(3);
    });

    it("throws what the registry has against it", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const session = await client.startUpload();
      registry.fault({ method: "DELETE" }, { status: 500 });
      await expect(client.cancelUpload(session)).rejects.toMatchObject({ httpStatus: 500 });
      const signal = AbortSignal.abort();
      await expect(client.cancelUpload(session, { signal })).rejects.toMatchObject({ name: "ErrCanceled" });
      expect(registry.uploads(REPOSITORY)).toHaveLength(1);
    });
  });

  describe("mountBlob()", () => {
    it("mounts what the other repository has", async () => {
      const registry = await lab.registry();
      const blob = new TestBlob(100);
      await registry.putBlob("team/base", blob.bytes());
      expect(await lab.client(registry.url).mountBlob(blob.digest, "team/base")).toEqual({ kind: "mounted" });
      expect((await storedBytes(registry, blob.digest)).equals(blob.bytes())).toBe(true);
    });

    it("gives the session that comes instead, good for an upload", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const blob = new TestBlob(100);
      const result = await client.mountBlob(blob.digest, "team/base");
      const session = result.kind === "upload" ? result.session : undefined;
      expect(session).toMatchObject({ isNew: true });
      await client.uploadBlob(blob, { session });
      expect(registry.requests.map(({ method }) => method)).toEqual(["POST", "PUT"]);
      expect(registry.blobs(REPOSITORY)).toEqual([blob.digest]);
    });

    it("throws an outright refusal", async () => {
      const registry = await lab.registry();
      registry.fault({ method: "POST" }, { status: 403 });
      const mounted = lab.client(registry.url).mountBlob(digestOf("x"), "team/base");
      await expect(mounted).rejects.toMatchObject({ name: "ErrPermissionDenied" });
    });
  });

  describe("hasBlob()", () => {
    it("says whether the repository has it", async () => {
      const registry = await lab.registry();
      const client = lab.client(registry.url);
      const blob = new TestBlob(10);
      expect(await client.hasBlob(blob.digest)).toBe(false);
      await registry.putBlob(REPOSITORY, blob.bytes());
      expect(await client.hasBlob(blob.digest)).toBe(true);
    });

    it.each([201, 204, 400, 401, 403, 405, 500, 501, 503])("is not told so by a %d", async (status) => {
      const registry = await lab.registry();
      const blob = new TestBlob(10);
      await registry.putBlob(REPOSITORY, blob.bytes());
      registry.fault({ method: "HEAD" }, { status });
      expect(await lab.client(registry.url).hasBlob(blob.digest)).toBe(false);
    });

    it.each([
      ["a web page", { "content-type": "text/html" }],
      ["another length", { "content-length": "11" }],
      ["another digest", { "docker-content-digest": digestOf("y") }],
    ])("is not told so by a 200 with %s", async (_, headers) => {
      const blob = new TestBlob(10);
      const server = scriptedServer((_request, response) => void response.writeHead(200, headers).end());
      const { origin } = await lab.use(server);
      expect(await lab.client(origin).hasBlob(blob.digest, { size: 10 })).toBe(false);
    });

    it.each([
      [429, {}],
      [503, { "retry-after": "1" }],
      [401, { "www-authenticate": "Negotiate" }],
    ])("throws after a %d that an upload would meet as well", async (status, headers) => {
      const registry = await lab.registry();
      registry.fault({ method: "HEAD" }, { status, headers });
      const asked = lab.client(registry.url).hasBlob(digestOf("x"));
      await expect(asked).rejects.toMatchObject({ httpStatus: status });
    });
  });
});

describe("finishAddress()", () => {
  it("escapes the digest and nothing else", () => {
    const digest = digestOf("x");
    const escaped = digest.replace(":", "%3A");
    expect(finishAddress("https://a.test/u?b=%20c", digest)).toBe(
      `https://a.test/u?b=%20c&digest=${escaped}`,
    );
    expect(finishAddress("https://a.test/u", digest)).toBe(`https://a.test/u?digest=${escaped}`);
  });
});
