import { createHash } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrUnavailable } from "../../../src/errors/classes.ts";
import type { HttpRequest, HttpResponse, StreamedBody } from "../../../src/registry/http/send.ts";
import { BODY_IDLE_TIMEOUT_MS } from "../../../src/registry/transport/connection-options.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { selfSigned } from "../../../src/testing/certificates/self-signed.ts";
import { inIdleTime } from "../../async/idle-time.ts";
import { httpServer, httpsServer, rawServer, type ScriptedServer } from "../support/raw-server.ts";
import { TestBlob } from "../support/test-blob.ts";

const MiB = 1024 * 1024;

/** The body that is all of `blob`. */
function bodyOf(blob: TestBlob): StreamedBody {
  return { lengthBytes: blob.size, open: () => blob.read(0) };
}

/** A body of these chunks, which claims to be `lengthBytes` long. */
function chunksBody(lengthBytes: number, ...chunks: string[]): StreamedBody {
  return {
    lengthBytes,
    async *open() {
      for (const chunk of chunks) yield Buffer.from(chunk);
    },
  };
}

/** `blob`'s chunks until `allowed` bytes were asked for, then the test's `then`. */
function bodyThen(blob: TestBlob, allowed: number, then: () => Promise<void>): StreamedBody {
  return {
    lengthBytes: blob.size,
    async *open() {
      let given = 0;
      for await (const chunk of blob.read(0)) {
        if (given >= allowed) await then();
        given += chunk.length;
        yield chunk;
      }
    },
  };
}

/** Resolves when `blob` was read, and is no further read although there is time. */
async function stalled(blob: TestBlob): Promise<void> {
  for (let before = -1; before < blob.bytesRead || before <= 0; ) {
    before = blob.bytesRead;
    for (let turn = 0; turn < 200; turn++) await setImmediate();
  }
}

/** Answers with the digest of the request's body. */
async function answerDigest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of request) hash.update(chunk as Buffer);
  response.end(`sha256:${hash.digest("hex")}`);
}

const answerText = async (response: HttpResponse): Promise<string> =>
  Buffer.from(await response.body.bytes(MiB)).toString();

/** Resolves once the server has no connection any more. */
async function allClosed(server: ScriptedServer): Promise<void> {
  for (const socket of server.sockets) socket.on("error", () => {}).resume(); // one that is paused sees no end
  while (server.sockets.size > 0) await setImmediate();
}

describe("OutgoingBody", () => {
  let transport: Transport;
  const cleanups: Array<() => PromiseLike<unknown>> = [];
  beforeEach(() => {
    transport = open();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function open(options: Parameters<typeof createTransport>[0] = {}): Transport {
    const opened = createTransport(options);
    cleanups.push(() => opened.close());
    return opened;
  }

  async function serve(starting: Promise<ScriptedServer>): Promise<ScriptedServer> {
    const server = await starting;
    cleanups.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  function put(server: ScriptedServer, body: StreamedBody, more: Partial<HttpRequest> = {}) {
    const headers = { "content-length": String(body.lengthBytes) };
    return transport.send({ method: "PUT", url: `${server.origin}/upload`, headers, body, ...more });
  }

  const echoDigest = (): Promise<ScriptedServer> =>
    serve(httpServer((request, response) => void answerDigest(request, response)));

  it("brings every byte although the source uses one buffer, whatever its chunks are", async () => {
    const server = await echoDigest();
    const sizes = fc.record({
      size: fc.integer({ min: 1, max: 2 * MiB }),
      chunkBytes: fc.oneof(fc.integer({ min: 2_000, max: 70_000 }), fc.integer({ min: 60_000, max: MiB })),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ size, chunkBytes }) => {
        const blob = new TestBlob(size, { chunkBytes });
        expect(await answerText(await put(server, bodyOf(blob)))).toBe(blob.digest);
        expect(blob.openReaders).toBe(0);
      }),
      { numRuns: 40 },
    );
    expect(server.connections()).toBe(1);
  });

  it.each([
    ["http", 40_000],
    ["http", 300_000],
    ["https", 40_000],
    ["https", 300_000],
  ])(
    "brings every byte to a server that keeps the client waiting (%s, chunks of %d)",
    async (scheme, chunkBytes) => {
      const blob = new TestBlob(32 * MiB, { chunkBytes });
      const answer: RequestListener = (request, response) =>
        void stalled(blob).then(() => answerDigest(request, response));
      const { key, cert } = selfSigned();
      const server = await serve(scheme === "http" ? httpServer(answer) : httpsServer({ key, cert }, answer));
      const response = await put(server, bodyOf(blob), { tls: { skipVerify: true } });
      expect(await answerText(response)).toBe(blob.digest);
    },
  );

  it("asks for no more than the socket takes", async () => {
    const server = await serve(rawServer((socket) => void socket.pause()));
    const blob = new TestBlob(64 * MiB);
    const controller = new AbortController();
    const sent = put(server, bodyOf(blob), { signal: controller.signal });
    const settled = expect(sent).rejects.toBeInstanceOf(ErrCanceled);
    await stalled(blob);
    expect(blob.bytesRead).toBeLessThan(32 * MiB); // what kernels keep for a connection, with room
    controller.abort();
    await settled;
    expect(blob.openReaders).toBe(0);
    await allClosed(server);
  });

  it.each([[401], [413]])("gives an early %d, reads no further and leaves the connection", async (status) => {
    const server = await serve(
      httpServer((request, response) => {
        request.on("error", () => {}); // the client hangs up
        response.writeHead(status).end("no");
      }),
    );
    const answered = Promise.withResolvers<void>();
    const blob = new TestBlob(64 * MiB);
    const sent = put(
      server,
      bodyThen(blob, MiB, () => answered.promise),
    );
    const response = await sent;
    answered.resolve();
    expect(response.status).toBe(status);
    expect(await answerText(response)).toBe("no");
    await allClosed(server);
    expect(blob.openReaders).toBe(0);
    expect(blob.bytesRead).toBeLessThan(2 * MiB);
  });

  it("uses the connection again when the answer comes right behind the last byte", async () => {
    const server = await echoDigest();
    for (const size of [10, 70_000, 3 * MiB]) await answerText(await put(server, bodyOf(new TestBlob(size))));
    expect(server.connections()).toBe(1);
  });

  it("rejects with the source's own error and cuts the connection", async () => {
    const server = await serve(httpServer((request) => void request.on("error", () => {}).resume()));
    const blob = new TestBlob(8 * MiB);
    const broken = new TypeError("disk is gone");
    const sent = put(
      server,
      bodyThen(blob, MiB, () => Promise.reject(broken)),
    );
    await expect(sent).rejects.toBe(broken);
    await allClosed(server);
    expect(blob.openReaders).toBe(0);
  });

  it.each([
    ["less", chunksBody(10, "1234"), "send body: got 4 bytes, wanted 10"],
    ["more", chunksBody(5, "1234", "5678"), "send body: got 8 bytes or more, wanted 5"],
    ["nothing", chunksBody(5), "send body: got 0 bytes, wanted 5"],
  ])("rejects a source that gives %s than it said", async (_, body, message) => {
    const server = await serve(httpServer((request) => void request.on("error", () => {}).resume()));
    await expect(put(server, body)).rejects.toMatchObject({ name: "ErrDataLoss", message });
    await expect(put(server, body)).rejects.toBeInstanceOf(ErrDataLoss);
  });

  it("passes over empty chunks", async () => {
    const server = await serve(httpServer((request, response) => void request.pipe(response)));
    expect(await answerText(await put(server, chunksBody(4, "", "12", "", "34", "")))).toBe("1234");
  });

  it("rejects retryably when the server takes nothing for too long", async () => {
    const server = await serve(rawServer((socket) => void socket.pause()));
    const blob = new TestBlob(64 * MiB);
    const sent = inIdleTime(() => put(server, bodyOf(blob)));
    const error: unknown = await sent.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ErrUnavailable);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^PUT http:\S+: no data taken in time: sent \d+ of 67108864 bytes$/),
      endpoint: server.origin,
      retryable: true,
    });
    expect(blob.openReaders).toBe(0);
    await allClosed(server);
  });

  it("lets the source take its time, and the server no longer after that", async () => {
    const server = await serve(
      rawServer((socket) => {
        let bytes = 0;
        socket.on("data", (data) => {
          bytes += data.length;
          if (bytes >= MiB) socket.pause();
        });
      }),
    );
    let slept = 0;
    const slow = bodyThen(new TestBlob(64 * MiB), MiB, async () => {
      if (slept++ === 0) await new Promise((resolve) => setTimeout(resolve, 3 * BODY_IDLE_TIMEOUT_MS));
    });
    const error: unknown = await inIdleTime(() => put(server, slow)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringMatching(/: no data taken in time: sent \d+ of/) });
    expect(slept).toBeGreaterThan(1);
  });

  it("rejects retryably, with what was sent, when the connection breaks in the middle", async () => {
    const server = await serve(
      rawServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.resetAndDestroy());
      }),
    );
    const blob = new TestBlob(64 * MiB);
    await expect(put(server, bodyOf(blob))).rejects.toMatchObject({
      name: "ErrUnavailable",
      message: expect.stringMatching(/: sent \d+ of 67108864 bytes$/),
      retryable: true,
    });
    expect(blob.openReaders).toBe(0);
  });

  it("never opens the source of a request that cannot be sent", async () => {
    const blob = new TestBlob(10);
    const headers = { "x-name": "a\r\nb: c" };
    const server = await echoDigest();
    await expect(put(server, bodyOf(blob), { headers })).rejects.toBeInstanceOf(ErrInvalidArgument);
    await expect(put(server, bodyOf(blob), { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(
      ErrCanceled,
    );
    expect(blob.offsets).toEqual([]);
  });

  it("is cut off when the transport closes", async () => {
    const server = await serve(rawServer((socket) => void socket.pause()));
    const blob = new TestBlob(64 * MiB);
    const sent = put(server, bodyOf(blob));
    const settled = expect(sent).rejects.toBeInstanceOf(ErrCanceled);
    while (blob.bytesRead === 0) await setImmediate();
    await transport.close();
    await settled;
    expect(blob.openReaders).toBe(0);
  });
});
