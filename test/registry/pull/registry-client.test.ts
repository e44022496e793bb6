import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import {
  ErrDataLoss,
  ErrInvalidArgument,
  ErrNoSupport,
  ErrOutOfRange,
  ErrUnknown,
} from "../../../src/errors/classes.ts";
import { MAX_MANIFEST_BYTES } from "../../../src/oci/parse-document.ts";
import { anonymous } from "../../../src/registry/credentials/credentials.ts";
import { endpointSend } from "../../../src/registry/endpoint-send.ts";
import { createRegistryClient, type RegistryClient } from "../../../src/registry/pull/registry-client.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { TestRegistry } from "../../../src/testing/test-registry.ts";
import { HastyClock } from "../support/fake-clock.ts";
import { httpServer, type ScriptedServer } from "../support/raw-server.ts";

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const BLOB = Buffer.from("0123456789");
const DIGEST = digestOf(BLOB);
const MANIFEST = '{"schemaVersion":2}';
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

async function contentOf(body: {
  pipeTo(sink: (chunk: Uint8Array) => void): Promise<void>;
}): Promise<string> {
  let text = "";
  await body.pipeTo((chunk) => {
    text += Buffer.from(chunk).toString();
  });
  return text;
}

describe("createRegistryClient()", () => {
  let transport: Transport;
  const cleanups: Array<() => Promise<unknown>> = [];
  beforeEach(() => {
    transport = createTransport();
    cleanups.push(() => transport.close());
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function clientOf(origin: string, credentials = anonymous): RegistryClient {
    const { host } = new URL(origin);
    const endpoint = {
      baseUrl: `${origin}/v2`,
      mirror: false,
      capabilities: ["pull" as const],
      credentialHost: host,
    };
    const send = endpointSend({ endpoint, credentials, send: transport.send });
    return createRegistryClient({
      endpoint,
      repository: "team/app",
      send,
      clock: new HastyClock(),
    });
  }

  /** A server that gives every request the same answer; it notes what it was asked. */
  async function scripted(
    answer: { status?: number; headers?: Record<string, string | string[]>; body?: string | Buffer },
    asked: string[] = [],
  ): Promise<RegistryClient> {
    const server = await httpServer((request, response) => {
      asked.push([request.method, request.url, request.headers.range].filter(Boolean).join(" "));
      response.statusCode = answer.status ?? 200;
      for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
      response.end(answer.body);
    });
    cleanups.push(async () => server[Symbol.asyncDispose]());
    return clientOf(server.origin);
  }

  async function registry(options?: Parameters<typeof TestRegistry.start>[0]): Promise<TestRegistry> {
    const started = await TestRegistry.start(options);
    cleanups.push(() => started.close());
    await started.putBlob("team/app", BLOB);
    started.putManifest("team/app", "v1", MANIFEST, MANIFEST_TYPE);
    return started;
  }

  /** A server that has `pages`, with the `Link` header of each. */
  async function paged(pages: ReadonlyArray<{ tags: unknown; link?: (server: ScriptedServer) => string }>) {
    const asked: string[] = [];
    const server = await httpServer((request, response) => {
      const page = pages[asked.length];
      asked.push(request.url ?? "");
      if (page?.link) response.setHeader("link", page.link(server));
      response.end(JSON.stringify({ name: "team/app", tags: page?.tags }));
    });
    cleanups.push(async () => server[Symbol.asyncDispose]());
    return { tags: clientOf(server.origin).listTags(), asked };
  }

  describe("with an honest registry", () => {
    it("pings, resolves, reads and lists", async () => {
      const client = clientOf((await registry()).url);
      await client.ping();
      const digest = digestOf(MANIFEST);
      const size = MANIFEST.length;
      expect(await client.headManifest("v1")).toEqual({ mediaType: MANIFEST_TYPE, digest, size });
      expect(await client.headManifest(digest)).toEqual({ mediaType: MANIFEST_TYPE, digest, size });
      const manifest = await client.getManifest("v1");
      expect(manifest).toMatchObject({ mediaType: MANIFEST_TYPE, digest });
      expect(Buffer.from(manifest.bytes).toString()).toBe(MANIFEST);
      expect(await listOf(client.listTags())).toEqual(["v1"]);
    });

    it.each([
      [0, "0123456789"],
      [4, "456789"],
      [9, "9"],
    ])("reads a blob from %d", async (offset, text) => {
      const client = clientOf((await registry()).url);
      const blob = await client.openBlob(DIGEST, { offset, size: BLOB.length });
      expect(blob).toMatchObject({ offset, size: BLOB.length });
      expect(await contentOf(blob.body)).toBe(text);
    });

    it("reads nothing from exactly the end", async () => {
      const client = clientOf((await registry()).url);
      const blob = await client.openBlob(DIGEST, { offset: 10, size: 10 });
      expect(blob).toMatchObject({ offset: 10, size: 10 });
      expect(await contentOf(blob.body)).toBe("");
    });

    it("reads all of it again from beyond the end", async () => {
      const client = clientOf((await registry()).url);
      const blob = await client.openBlob(DIGEST, { offset: 11 });
      expect(blob).toMatchObject({ offset: 0, size: 10 });
      expect(await contentOf(blob.body)).toBe("0123456789");
    });

    it.each([
      ["manifest", (client: RegistryClient) => client.getManifest("none")],
      ["blob", (client: RegistryClient) => client.openBlob(digestOf("none"))],
    ])("throws ErrNotFound for a %s that is not there", async (_, ask) => {
      const started = await registry();
      await expect(ask(clientOf(started.url))).rejects.toMatchObject({
        name: "ErrNotFound",
        endpoint: started.url,
      });
    });

    it("authorizes by the registry's challenges", async () => {
      const started = await registry({ auth: { basic: { username: "user", password: "secret" } } });
      const client = clientOf(started.url, async () => ({ username: "user", password: "secret" }));
      expect(await contentOf((await client.openBlob(DIGEST)).body)).toBe("0123456789");
      await expect(clientOf(started.url).openBlob(DIGEST)).rejects.toMatchObject({
        name: "ErrUnauthenticated",
      });
    });
  });

  describe("ping()", () => {
    it("throws ErrNoSupport when there is no registry", async () => {
      await expect((await scripted({ status: 404 })).ping()).rejects.toBeInstanceOf(ErrNoSupport);
    });

    it("throws what the registry answers otherwise", async () => {
      await expect((await scripted({ status: 403 })).ping()).rejects.toMatchObject({
        name: "ErrPermissionDenied",
      });
    });
  });

  describe("headManifest()", () => {
    const good = {
      "content-type": `${MANIFEST_TYPE}; charset=utf-8`,
      "docker-content-digest": DIGEST,
      "content-length": "10",
    };

    it("takes parameters off the media type", async () => {
      expect(await (await scripted({ headers: good })).headManifest("v1")).toEqual({
        mediaType: MANIFEST_TYPE,
        digest: DIGEST,
        size: 10,
      });
    });

    it.each([
      ["no digest", { "content-length": "10" }],
      ["an invalid digest", { ...good, "docker-content-digest": "sha256:short" }],
      [
        "no length",
        { "content-type": MANIFEST_TYPE, "docker-content-digest": DIGEST, "transfer-encoding": "chunked" },
      ],
      ["no byte", { ...good, "content-length": "0" }],
      ["an absurd length", { ...good, "content-length": String(MAX_MANIFEST_BYTES + 1) }],
      ["no type", { ...good, "content-type": "" }],
      ["another length because of its coding", { ...good, "content-encoding": "gzip" }],
      ["a type that is no manifest's", { ...good, "content-type": "text/html" }],
    ])("leaves it to GET when there is %s", async (_, headers) => {
      expect(await (await scripted({ headers })).headManifest("v1")).toBeUndefined();
    });

    it.each([204, 400, 401, 403, 404, 405, 406, 410, 500, 501, 503])(
      "leaves it to GET when HEAD is answered with %d",
      async (status) => {
        const asked: string[] = [];
        expect(await (await scripted({ status }, asked)).headManifest("v1")).toBeUndefined();
        const more = status === 401 ? ["GET /v2/"] : []; // where it may say what it wants
        expect(asked).toEqual(["HEAD /v2/team/app/manifests/v1", ...more]);
      },
    );

    it.each([
      [429, { "retry-after": "1" }],
      [503, { "retry-after": "1" }],
      [401, { "www-authenticate": "Negotiate" }],
    ])("throws when HEAD is answered with a %d that GET would meet as well", async (status, headers) => {
      await expect((await scripted({ status, headers })).headManifest("v1")).rejects.toMatchObject({
        httpStatus: status,
      });
    });

    it("leaves it to GET to say why HEAD is answered with a 429", async () => {
      expect(await (await scripted({ status: 429 })).headManifest("v1")).toBeUndefined();
    });

    it.each([
      ["application/\u009b31mFAKE", /^application\/\S* 31mFAKE$/],
      [`application/${"x".repeat(20_000)}`, /^application\/x{200,300}\.\.\.$/],
      ["https://s3.test/b?X-Amz-Signature=deadbeef", /X-Amz-Signature=REDACTED$/],
    ])("makes a media type fit for messages", async (type, expected) => {
      const response = { headers: { "content-type": type }, body: "{}" };
      expect((await (await scripted(response)).getManifest("v1")).mediaType).toMatch(expected);
    });

    it("believes the digest that was asked for, not the header", async () => {
      const digest = digestOf("other");
      expect(await (await scripted({ headers: good })).headManifest(digest)).toMatchObject({ digest });
    });

    it.each(["../../other/manifests/v1", "v1?x", "", "sha256:short", "a".repeat(129)])(
      "refuses %j",
      async (bad) => {
        const asked: string[] = [];
        const client = await scripted({}, asked);
        await expect(client.headManifest(bad)).rejects.toBeInstanceOf(ErrInvalidArgument);
        expect(asked).toEqual([]);
      },
    );
  });

  describe("getManifest()", () => {
    it.each([
      ["declared", { "content-length": String(MAX_MANIFEST_BYTES + 1) }],
      ["sent", { "transfer-encoding": "chunked" }],
    ])("refuses more bytes than the limit, %s", async (_, headers) => {
      const client = await scripted({ headers, body: Buffer.alloc(MAX_MANIFEST_BYTES + 1) });
      await expect(client.getManifest("v1")).rejects.toBeInstanceOf(ErrOutOfRange);
    });

    it("takes as many bytes as the limit, and lives without headers", async () => {
      const client = await scripted({ body: Buffer.alloc(MAX_MANIFEST_BYTES) });
      const manifest = await client.getManifest("v1");
      expect(manifest.bytes).toHaveLength(MAX_MANIFEST_BYTES);
      expect(manifest).toMatchObject({ mediaType: "", digest: undefined });
    });

    it.each([
      ["what the digest in the header is not of", { "docker-content-digest": digestOf("other") }, MANIFEST],
      ["a document without its end", {}, '{"schemaVersion":2,"config"'],
    ])("throws ErrDataLoss, worth another attempt, for %s", async (_, headers, body) => {
      const client = await scripted({ headers: { "content-type": MANIFEST_TYPE, ...headers }, body });
      const failure = client.getManifest("v1");
      await expect(failure).rejects.toMatchObject({ name: "ErrDataLoss", retryable: true });
    });

    it.each(["application/json", "application/octet-stream", "text/plain", ""])(
      "believes the type that a document gives itself when it is served as %j",
      async (served) => {
        const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE });
        const client = await scripted({ headers: { "content-type": served }, body });
        expect(await client.getManifest("v1")).toMatchObject({ mediaType: MANIFEST_TYPE });
      },
    );
  });

  describe("openBlob()", () => {
    const url = `/v2/team/app/blobs/${DIGEST}`;

    it("gives the whole blob when the server knows no ranges", async () => {
      const blob = await (await scripted({ body: BLOB })).openBlob(DIGEST, { offset: 4, size: 10 });
      expect(blob).toMatchObject({ offset: 0, size: 10 });
      expect(await contentOf(blob.body)).toBe("0123456789");
    });

    it.each([400, 403, 404, 410, 416, 501])(
      "asks for the whole blob after a %d to a range",
      async (status) => {
        const server = await httpServer(({ headers }, response) => {
          response.writeHead(headers.range === undefined ? 200 : status).end(BLOB);
        });
        cleanups.push(async () => server[Symbol.asyncDispose]());
        const blob = await clientOf(server.origin).openBlob(DIGEST, { offset: 4, size: 10 });
        expect(blob.offset).toBe(0);
        expect(await contentOf(blob.body)).toBe("0123456789");
      },
    );

    it.each([
      ["gzip", gzipSync(BLOB)],
      ["br", brotliCompressSync(BLOB)],
      ["zstd", zstdCompressSync(BLOB)],
      ["deflate", deflateSync(BLOB)],
    ])("takes off the coding %s that was put on on the way", async (coding, body) => {
      const client = await scripted({ headers: { "content-encoding": coding }, body });
      const content = await client.openBlob(DIGEST, { size: BLOB.length });
      expect(await contentOf(content.body)).toBe("0123456789");
    });

    it("gives a blob as it is when its length says that the coding is its own", async () => {
      const client = await scripted({ headers: { "content-encoding": "gzip" }, body: BLOB });
      const content = await client.openBlob(DIGEST, { size: BLOB.length });
      expect(await contentOf(content.body)).toBe("0123456789");
    });

    it("asks for the whole blob when a part comes encoded", async () => {
      const asked: string[] = [];
      const headers = { "content-encoding": "gzip", "content-range": "bytes 5-9/10" };
      const client = await scripted({ status: 206, headers, body: "56789" }, asked);
      await expect(client.openBlob(DIGEST, { offset: 5, size: BLOB.length })).rejects.toThrow();
      expect(asked.map((request) => request.includes("bytes=5-"))).toEqual([true, false]);
    });

    it.each([
      ["compress", gzipSync(BLOB)],
      ["gzip, br", gzipSync(BLOB)],
      ["gzip", Buffer.from("no gzip")],
      ["gzip", gzipSync(Buffer.alloc(1_000, "x")).subarray(0, 20)],
    ])("refuses what it cannot decode as %s, and blames the endpoint", async (coding, body) => {
      const client = await scripted({ headers: { "content-encoding": coding }, body });
      const content = await client.openBlob(DIGEST, { size: BLOB.length });
      await expect(contentOf(content.body)).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringContaining("Content-Encoding"),
        endpoint: expect.stringContaining("http://127.0.0.1:"),
        retryable: false,
      });
    });

    it("ends a decoded blob with the error of whoever reads it", async () => {
      const body = gzipSync(Buffer.alloc(10_000_000));
      const client = await scripted({ headers: { "content-encoding": "gzip" }, body });
      const content = await client.openBlob(DIGEST, { size: BLOB.length });
      const enough = new Error("enough");
      await expect(content.body.pipeTo(() => Promise.reject(enough))).rejects.toBe(enough);
    });

    it("knows no size when the server does not tell", async () => {
      const headers = { "transfer-encoding": "chunked" };
      const blob = await (await scripted({ headers, body: BLOB })).openBlob(DIGEST, { size: 10 });
      expect(blob).toMatchObject({ offset: 0, size: undefined });
      expect(await contentOf(blob.body)).toBe("0123456789");
    });

    it.each([
      ["starts elsewhere", "bytes 3-9/10", "3456789"],
      ["ends too early", "bytes 4-8/10", "45678"],
      ["has another length than it says", "bytes 4-9/10", "4567"],
      ["says nothing", undefined, "456789"],
    ])("asks for the whole blob when the range %s", async (_, contentRange, body) => {
      const asked: string[] = [];
      const server = await httpServer((request, response) => {
        asked.push(request.headers.range ?? "whole");
        if (request.headers.range === undefined) {
          response.end(BLOB);
          return;
        }
        response.statusCode = 206;
        if (contentRange !== undefined) response.setHeader("content-range", contentRange);
        response.end(body);
      });
      cleanups.push(async () => server[Symbol.asyncDispose]());
      const blob = await clientOf(server.origin).openBlob(DIGEST, { offset: 4, size: 10 });
      expect(asked).toEqual(["bytes=4-", "whole"]);
      expect(blob.offset).toBe(0);
      expect(await contentOf(blob.body)).toBe("0123456789");
    });

    it.each([
      [
        "a range of another blob",
        { status: 206, headers: { "content-range": "bytes 4-10/11" }, body: "4567890" },
        4,
      ],
      ["another blob", { body: "0123456789A" }, 0],
      [
        "a part that nobody wanted",
        { status: 206, headers: { "content-range": "bytes 0-4/10" }, body: "01234" },
        0,
      ],
    ])("throws ErrDataLoss for %s, before a byte is given", async (_, answer, offset) => {
      const asked: string[] = [];
      const client = await scripted(answer, asked);
      const error = await client.openBlob(DIGEST, { offset, size: 10 }).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(ErrDataLoss);
      expect(error).toMatchObject({ retryable: false, message: expect.stringContaining(url) });
      expect(asked).toHaveLength(1);
    });

    it("is one attempt", async () => {
      const asked: string[] = [];
      const client = await scripted({ status: 503 }, asked);
      await expect(client.openBlob(DIGEST)).rejects.toMatchObject({ httpStatus: 503, retryable: true });
      expect(asked).toEqual([`GET ${url}`]);
    });
  });

  describe("listTags()", () => {
    it("follows the links to the end", async () => {
      const { tags, asked } = await paged([
        { tags: ["a", "b"], link: () => '</v2/team/app/tags/list?last=b&n=2>; rel="next"' },
        { tags: [], link: ({ origin }) => `<${origin}/v2/team/app/tags/list?last=x>; rel="next"` },
        { tags: ["c"] },
      ]);
      expect(await listOf(tags)).toEqual(["a", "b", "c"]);
      expect(asked).toEqual([
        "/v2/team/app/tags/list?n=1000",
        "/v2/team/app/tags/list?last=b&n=2",
        "/v2/team/app/tags/list?last=x",
      ]);
    });

    it("asks for no page that nobody reads", async () => {
      const { tags, asked } = await paged([{ tags: ["a"], link: () => '</next>; rel="next"' }]);
      for await (const tag of tags) {
        expect(tag).toBe("a");
        break;
      }
      expect(asked).toHaveLength(1);
    });

    it("takes null for an empty list", async () => {
      expect(await listOf((await paged([{ tags: null }])).tags)).toEqual([]);
    });

    it("does not leave the origin", async () => {
      const { tags } = await paged([{ tags: ["a"], link: () => '<http://other.test/x>; rel="next"' }]);
      await expect(listOf(tags)).rejects.toMatchObject({
        name: "ErrUnknown",
        message: expect.stringContaining("next page is at http://other.test"),
      });
    });

    it.each([["text"], [[1]], [{}]])("refuses the list %j", async (tags) => {
      await expect(listOf((await paged([{ tags }])).tags)).rejects.toBeInstanceOf(ErrUnknown);
    });

    it.each(["no json", "", "[", "null", "[]"])("reads or refuses the answer %j", async (body) => {
      const listed = listOf((await scripted({ body })).listTags());
      if (body === "null" || body === "[]") expect(await listed).toEqual([]);
      else await expect(listed).rejects.toBeInstanceOf(ErrUnknown);
    });
  });
});
