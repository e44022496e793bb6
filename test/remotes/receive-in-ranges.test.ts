import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Flow } from "../../src/bandwidth/flow.ts";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrCanceled, findError, isDataLoss, isUnavailable } from "../../src/errors.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { OCI_LAYER_GZIP } from "../../src/oci/media-types.ts";
import { createTransport } from "../../src/registry/transport/transport.ts";
import { anonymous, createRegistryClient, endpointSend } from "../../src/registry.ts";
import type { Arrival } from "../../src/remotes/arriving.ts";
import { fetchContent } from "../../src/remotes/fetch.ts";
import { type RangeOptions, Ranges } from "../../src/remotes/ranges/ranges.ts";
import { RegistryRemote } from "../../src/remotes/registry-remote.ts";
import { TransferThreads } from "../../src/remotes/threads/transfer-threads.ts";
import { DEFAULT_BACKOFF } from "../../src/xfer.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type AskedRange, RangeServer, type Script } from "./ranges/support/range-server.ts";

// These say themselves how a blob moves, whatever a run was told.
vi.unmock("../../src/remotes/ranges/ranges.ts");
vi.unmock("../../src/remotes/threads/transfer-threads.ts");

const CONTENT = randomBytes(2_000_000);
const LAYER: Descriptor = { mediaType: OCI_LAYER_GZIP, digest: digestOf(CONTENT), size: CONTENT.length };
const EAGER: RangeOptions = { fromBytes: 1, atOnce: 4, pieceBytes: 100_000, stepMs: 0 };

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-ranges-"));
  store = await openLocalStore({ root });
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

const keep = closingAfterEach();

/** What a fetch from a server works with. */
function fetching({ origin }: RangeServer, workers: number, options: RangeOptions = EAGER) {
  const threads = new TransferThreads({ workers, bytesPerWorker: 0, connection: { authorities: [] } });
  const transport = createTransport();
  keep({ [Symbol.asyncDispose]: () => threads.end() });
  keep({ [Symbol.asyncDispose]: () => transport.close() });
  const endpoint = {
    baseUrl: `${origin}/v2`,
    mirror: false,
    credentialHost: new URL(origin).host,
  } as Parameters<typeof endpointSend>[0]["endpoint"];
  const send = endpointSend({ endpoint, credentials: anonymous, send: transport.send });
  const client = createRegistryClient({ endpoint, repository: "team/app", send });
  const fetcher = new RegistryRemote(client, { endpoint, backoff: DEFAULT_BACKOFF });
  const ranges = new Ranges(options, { roomAt: transport.blobsAtOnce });
  return { fetcher, ingester: store, endpoint: fetcher.endpoint, threads, ranges };
}

const failureOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error as Error,
  );

const stored = async (): Promise<Buffer> =>
  Buffer.from(await readBlob(store, LAYER, { maxBytes: CONTENT.length }));

const serving = async (script?: Script, options?: { readonly waitsFor: number }): Promise<RangeServer> =>
  keep(await RangeServer.start(CONTENT, script, options));

/** Hits the first request for a part. */
function firstPart(does: (asked: AskedRange, response: ServerResponse) => void | Promise<void>): Script {
  let isHit = false;
  return async (asked, response) => {
    if (asked.to === undefined || isHit) return false;
    isHit = true;
    await does(asked, response);
    return true;
  };
}

describe.each([{ workers: 0 }, { workers: 2 }])("a blob in ranges, by $workers threads", ({ workers }) => {
  it("comes over several connections, in parts that nobody brings twice", async () => {
    const server = await serving(undefined, { waitsFor: 2 });
    const arrivals: unknown[] = [];
    const reached: number[] = [];
    const told = { onBytes: (n: number) => reached.push(n), onArrival: (one: unknown) => arrivals.push(one) };
    expect(await fetchContent(LAYER, { ...fetching(server, workers), ...told })).toBe(true);
    expect((await stored()).equals(CONTENT)).toBe(true);
    expect(server.parts.length).toBeGreaterThan(1);
    expect(server.asked[0]).toMatchObject({ from: 0, to: undefined });
    expect(arrivals).toEqual([{ from: 0, to: CONTENT.length }]);
    expect(reached).toEqual(reached.toSorted((a, b) => a - b));
    expect(reached.at(-1)).toBe(CONTENT.length);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("comes in one where a server sends the whole for a part, and has asked once", async () => {
    const server = await serving(({ to }, response) => {
      if (to === undefined) return false;
      response.writeHead(200, { "content-length": CONTENT.length });
      void server.send(response, CONTENT);
      return true;
    });
    const context = fetching(server, workers);
    await fetchContent(LAYER, context);
    expect((await stored()).equals(CONTENT)).toBe(true);
    const before = server.parts.length;
    expect(before).toBeLessThanOrEqual(3);
    await store.delete(LAYER.digest);
    const again = fetchContent(LAYER, context);
    await again;
    expect(server.parts.length).toBe(before);
  });

  it.each<[string, (asked: AskedRange, server: RangeServer, response: ServerResponse) => void]>([
    [
      "another range than the one asked for",
      ({ from, to = 0 }, server, response) => {
        server.head(response, from - 1, to - 1);
        void server.send(response, CONTENT.subarray(from - 1, to - 1));
      },
    ],
    [
      "a shorter one",
      ({ from, to = 0 }, server, response) => {
        server.head(response, from, to - 10);
        void server.send(response, CONTENT.subarray(from, to - 10));
      },
    ],
    [
      "a longer one",
      ({ from, to = 0 }, server, response) => {
        server.head(response, from, to + 10);
        void server.send(response, CONTENT.subarray(from, to + 10));
      },
    ],
    [
      "one of a content of another size",
      ({ from, to = 0 }, _, response) => {
        response.writeHead(206, { "content-range": `bytes ${from}-${to - 1}/${CONTENT.length + 1}` });
        response.end(CONTENT.subarray(from, to));
      },
    ],
    ["416", (_, __, response) => void response.writeHead(416, { "content-range": "bytes */17" }).end()],
    ["400", (_, __, response) => void response.writeHead(400).end("no ranges, please")],
  ])("comes in one stream after an answer with %s", async (_, answer) => {
    const server: RangeServer = await serving(
      firstPart((asked, response) => answer(asked, server, response)),
    );
    await fetchContent(LAYER, fetching(server, workers));
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it.each<
    [string, (asked: AskedRange, server: RangeServer, response: ServerResponse) => void | Promise<void>]
  >([
    [
      "is reset in the middle",
      async ({ from, to = 0 }, server, response) => {
        server.head(response, from, to);
        await server.send(response, CONTENT.subarray(from, from + 20_000));
        response.socket?.resetAndDestroy();
      },
    ],
    [
      "ends early in good order",
      ({ from, to = 0 }, _, response) => {
        response.writeHead(206, { "content-range": `bytes ${from}-${to - 1}/${CONTENT.length}` });
        response.end(CONTENT.subarray(from, from + 20_000));
      },
    ],
    ["is answered 503", (_, __, response) => void response.writeHead(503).end()],
    ["is answered 429", (_, __, response) => void response.writeHead(429).end()],
  ])("comes over the other connections where one %s", async (_, answer) => {
    const server: RangeServer = await serving(
      firstPart((asked, response) => answer(asked, server, response)),
    );
    await fetchContent(LAYER, fetching(server, workers));
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("comes although a server sends more than a part, of the last one as well", async () => {
    const server: RangeServer = await serving(({ from, to }, response) => {
      if (to === undefined) return false;
      response.writeHead(206, { "content-range": `bytes ${from}-${to - 1}/${CONTENT.length}` });
      response.end(Buffer.concat([CONTENT.subarray(from, to), Buffer.alloc(50_000)]));
      return true;
    });
    await fetchContent(LAYER, fetching(server, workers));
    expect((await stored()).equals(CONTENT)).toBe(true);
    expect(server.parts.some(({ to }) => to === CONTENT.length)).toBe(true);
  });

  it("is refused where more comes after all that was wanted, in the words of one stream", async () => {
    const sent = Promise.withResolvers<void>();
    const server: RangeServer = await serving(async (_, response) => {
      response.writeHead(200);
      await server.send(response, CONTENT);
      await sent.promise;
      response.end("more");
      return true;
    });
    const one = { ...EAGER, pieceBytes: CONTENT.length };
    const context = fetching(server, workers, one);
    const onBytes = (bytes: number): void => {
      if (bytes === CONTENT.length) sent.resolve();
    };
    const error = await failureOf(fetchContent(LAYER, { ...context, onBytes }));
    expect(error.message).toContain(`got more than the ${CONTENT.length} bytes wanted`);
    expect(findError(error)).toMatchObject({ code: "ERR_DATA_LOSS", endpoint: context.endpoint });
    expect((await store.listStatuses()).every(({ offset }) => offset === 0)).toBe(true);
  });

  it("comes in one stream after an attempt for which all parts were too short", async () => {
    const server: RangeServer = await serving(
      ({ from, to }, response) => {
        if (to === undefined) return false;
        response.writeHead(206, { "content-range": `bytes ${from}-${to - 1}/${CONTENT.length}` });
        response.end(CONTENT.subarray(from, to - 10));
        return true;
      },
      { waitsFor: 2 }, // all that the first request asks for is not here before a part has been
    );
    const context = fetching(server, workers);
    const error = await failureOf(fetchContent(LAYER, context));
    expect(findError(error)).toMatchObject({ code: "ERR_DATA_LOSS", retryable: true });
    const before = server.parts.length;
    await fetchContent(LAYER, context);
    expect(server.parts.length).toBe(before);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("is thrown away when a part is wrong, and comes in one piece then", async () => {
    const wrong = Buffer.alloc(CONTENT.length, "x");
    const server: RangeServer = await serving(
      firstPart(async ({ from, to = 0 }, response) => {
        server.head(response, from, to);
        await server.send(response, wrong.subarray(from, to));
        response.end();
      }),
      { waitsFor: 2 },
    );
    const context = fetching(server, workers);
    const error = await failureOf(fetchContent(LAYER, context));
    expect(isDataLoss(error)).toBe(true);
    expect(findError(error)).toMatchObject({ endpoint: context.endpoint, retryable: true });
    const before = server.asked.length;
    await fetchContent(LAYER, context);
    expect(server.asked.slice(before)).toMatchObject([{ from: 0, to: undefined }]);
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("is final when it was wrong in one piece", async () => {
    const server: RangeServer = await serving(async ({ to }, response) => {
      if (to !== undefined) return false;
      response.writeHead(200, { "content-length": CONTENT.length });
      await server.send(response, Buffer.alloc(CONTENT.length, "x"));
      response.end();
      return true;
    });
    const one = { ...EAGER, pieceBytes: CONTENT.length };
    const error = await failureOf(fetchContent(LAYER, fetching(server, workers, one)));
    expect(findError(error)).toMatchObject({ code: "ERR_DATA_LOSS", retryable: false });
  });

  it("goes on with what is missing after all connections have broken", async () => {
    let isBroken = true;
    const server: RangeServer = await serving(async ({ from, to = CONTENT.length }, response) => {
      if (!isBroken) return false;
      if (from === 0) {
        response.writeHead(200, { "content-length": CONTENT.length });
        await server.send(response, CONTENT.subarray(0, 300_000));
        while (server.parts.length === 0 && !response.destroyed) await setImmediate();
      } else {
        server.head(response, from, to);
        await server.send(response, CONTENT.subarray(from, from + 50_000));
      }
      response.socket?.resetAndDestroy();
      return true;
    });
    const context = fetching(server, workers);
    const error = await failureOf(fetchContent(LAYER, context));
    expect(isUnavailable(error) && findError(error)?.retryable).toBe(true);
    expect(findError(error)?.endpoint).toBe(context.endpoint);
    isBroken = false;
    const arrivals: { from: number; to: number }[] = [];
    const [sent, asked] = [server.sentBytes, server.asked.length];
    await fetchContent(LAYER, { ...context, onArrival: (one) => void arrivals.push(one) });
    expect((await stored()).equals(CONTENT)).toBe(true);
    expect(server.asked.slice(asked).every(({ from }) => from > 0)).toBe(true);
    const [{ from, to } = { from: 0, to: 0 }] = arrivals;
    expect(from).toBeGreaterThan(0);
    expect(to).toBe(CONTENT.length);
    expect(server.sentBytes - sent).toBeLessThan(CONTENT.length + 600_000);
  });

  it("follows each time to where its storage is", async () => {
    const storage = await serving();
    let redirects = 0;
    const server = await serving((_, response) => {
      response.writeHead(307, { location: `${storage.origin}/blob?signature=${redirects++}` }).end();
      return true;
    });
    await fetchContent(LAYER, fetching(server, workers));
    expect((await stored()).equals(CONTENT)).toBe(true);
    const signatures = storage.asked.map(({ request }) => request.url);
    expect(new Set(signatures).size).toBe(signatures.length);
  });

  it("comes from another endpoint as well, and it is told how much", async () => {
    const [server, mirror] = [await serving(undefined, { waitsFor: 2 }), await serving()];
    const context = fetching(server, workers);
    const other = fetching(mirror, workers);
    const arrivals: Arrival[] = [];
    await fetchContent(LAYER, {
      ...context,
      beside: async () => [other],
      onArrival: (one) => void arrivals.push(one),
    });
    expect((await stored()).equals(CONTENT)).toBe(true);
    const [{ from, to, beside } = { from: 0, to: 0, beside: undefined }] = arrivals;
    expect([from, to]).toEqual([0, CONTENT.length]);
    expect([...(beside?.keys() ?? [])]).toEqual(mirror.asked.length > 0 ? [other.endpoint] : []);
  });

  it("passes the limit of the endpoint that it comes from", async () => {
    const [server, mirror] = [await serving(undefined, { waitsFor: 2 }), await serving()];
    const other = fetching(mirror, workers);
    const passed = new Map<string, number>();
    const flowOf = (endpoint: string): Flow => ({
      open(tap) {
        passed.set(endpoint, (passed.get(endpoint) ?? 0) + 1);
        tap.open();
        return { ask: () => {}, close: () => {} };
      },
    });
    const context = fetching(server, workers);
    await fetchContent(LAYER, {
      ...context,
      beside: async () => [other],
      flow: flowOf(context.endpoint),
      flowBeside: flowOf,
    });
    expect(passed.get(context.endpoint)).toBeLessThanOrEqual(server.asked.length);
    expect(passed.has(other.endpoint)).toBe(mirror.asked.length > 0);
  });

  it("comes from the first endpoint alone once another one had other bytes", async () => {
    const other = await serving(async ({ from, to = CONTENT.length }, response) => {
      mirror.head(response, from, to);
      await mirror.send(response, Buffer.alloc(to - from, "x"));
      response.end();
      return true;
    });
    const mirror: RangeServer = other;
    const server = await serving();
    const context = fetching(server, workers);
    const wrong = fetching(mirror, workers);
    const wanting = { ...context, beside: async () => [wrong] };
    const first = await fetchContent(LAYER, wanting).catch((error: unknown) => error);
    if (first !== true) {
      expect(findError(first)).toMatchObject({ code: "ERR_DATA_LOSS", retryable: true });
      const before = mirror.asked.length;
      await fetchContent(LAYER, wanting);
      expect(mirror.asked.length).toBe(before);
    }
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("is left at once when nobody wants it any more, and keeps what came", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const server: RangeServer = await serving(({ to }) => {
      if (to !== undefined) controller.abort();
      return false;
    });
    const context = { ...fetching(server, workers), signal };
    expect(await failureOf(fetchContent(LAYER, context))).toBeInstanceOf(ErrCanceled);
    await fetchContent(LAYER, fetching(server, workers));
    expect((await stored()).equals(CONTENT)).toBe(true);
  });

  it("comes in one stream where it is small, or nobody wants ranges", async () => {
    const server = await serving(undefined, { waitsFor: 0 });
    await fetchContent(LAYER, fetching(server, workers, { ...EAGER, fromBytes: CONTENT.length + 1 }));
    await store.delete(LAYER.digest);
    await fetchContent(LAYER, { ...fetching(server, workers), ranges: undefined });
    expect(server.asked).toMatchObject([
      { from: 0, to: undefined },
      { from: 0, to: undefined },
    ]);
  });
});
