import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ErrCanceled,
  ErrInternal,
  ErrInvalidArgument,
  ErrOutOfRange,
  ErrUnavailable,
} from "../../../src/errors/classes.ts";
import {
  BODY_IDLE_TIMEOUT_MS,
  type ConnectionOptions,
} from "../../../src/registry/transport/connection-options.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { FakeClock } from "../../async/fake-clock.ts";
import { inIdleTime } from "../../async/idle-time.ts";
import { inAThread } from "../support/in-a-thread.ts";
import { answering, httpServer, httpsServer, rawServer, type ScriptedServer } from "../support/raw-server.ts";

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");
const CA = [pem("ca.pem")];
const SERVER_TLS = { cert: pem("server.pem"), key: pem("server.key") };

const text = async (body: { bytes(max: number): Promise<Uint8Array> }): Promise<string> =>
  Buffer.from(await body.bytes(1_000_000)).toString();

/** Resolves once all connections of `server` are closed. */
async function allClosed(server: ScriptedServer): Promise<void> {
  while (server.sockets.size > 0) await setImmediate();
}

const secureServer = (more: object = {}, names = SERVER_TLS): Promise<ScriptedServer> =>
  httpsServer({ ...names, ...more }, (_, response) => void response.end("secure"));

/** A proxy for plain requests, which notes what it was asked for. */
const proxyServer = (asked: string[]): Promise<ScriptedServer> =>
  httpServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    response.end("by proxy");
  });

/** Sends `informational` byte by byte before each of its answers. */
const informing = (informational: string): Promise<ScriptedServer> =>
  rawServer((socket) => {
    const answer = async (): Promise<void> => {
      for (const byte of informational) {
        socket.write(byte);
        await setImmediate();
      }
      socket.write("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
    };
    socket.on("error", () => {});
    socket.on("data", () => void answer());
  });

/** Answers the first request of its first connection and resets that at the second one. */
const resetting = (): Promise<ScriptedServer> => {
  let first = true;
  return rawServer((socket) => {
    const isFirst = first;
    first = false;
    let requests = 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      requests++;
      if (isFirst && requests > 1) socket.resetAndDestroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
};
const encoded = (coding: string, bytes: Uint8Array): Promise<ScriptedServer> =>
  httpServer((_, response) => void response.setHeader("content-encoding", coding).end(bytes));

const dripping = (): Promise<ScriptedServer> =>
  httpServer((_, response) => {
    response.writeHead(500, { "content-length": 1_000 });
    const timer = setInterval(() => response.write("x"), 5);
    response.on("close", () => clearInterval(timer));
  });

const failByThrowing = (error: Error): never => {
  throw error;
};
const failByRejecting = async (error: Error): Promise<never> => failByThrowing(error);

const put = async (at: Transport, url: string): Promise<void> => {
  const body = {
    lengthBytes: 1,
    open: async function* () {
      yield Buffer.from("x");
    },
  };
  const headers = { "content-length": "1" };
  const response = await at.send({ method: "PATCH", url, body, headers });
  await response.body.discard();
};

describe.each([
  { where: "here", reuseBuffers: true },
  { where: "here", reuseBuffers: false },
  { where: "in a thread", reuseBuffers: true },
  { where: "in a thread", reuseBuffers: false },
  { where: "in a thread, past the parser", reuseBuffers: true, directBytes: 0 },
])("createTransport(), $where, reusing buffers: $reuseBuffers", ({ where, reuseBuffers, directBytes }) => {
  const cleanups: Array<() => Promise<unknown>> = [];
  let transport: Transport;
  /** What needs the clocks of this thread, or requests with bodies, which no other thread is told of. */
  const here = it.skipIf(where !== "here");
  /** What goes past the parser costs its connection. */
  const connectionsOf = (requests: number): number => (directBytes === undefined ? 1 : requests);
  const open = (more: ConnectionOptions = {}): Transport => {
    const options = { reuseBuffers, ...more };
    const made = createTransport(options);
    const opened = where === "here" ? made : inAThread(made, options, directBytes);
    cleanups.push(() => opened.close());
    return opened;
  };
  const serve = async (server: Promise<ScriptedServer>): Promise<ScriptedServer> => {
    const running = await server;
    cleanups.push(async () => running[Symbol.asyncDispose]());
    return running;
  };
  const get = (url: string, signal?: AbortSignal) => transport.send({ method: "GET", url, signal });

  const used = async (): Promise<ScriptedServer> => {
    const server = await serve(resetting());
    await text((await get(server.origin)).body);
    return server;
  };

  beforeEach(() => {
    transport = open();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  describe("send()", () => {
    it("gives status, headers and body, and sends headers and path as they are", async () => {
      const server = await serve(
        httpServer((request, response) => {
          response.setHeader("X-Twice", ["a", "b"]);
          response
            .writeHead(404)
            .end(`${request.method} ${request.url} ${request.headers["x-name"]?.toString()}`);
        }),
      );
      const url = `${server.origin}/v2/a%20b?x=1`;
      const response = await transport.send({ method: "GET", url, headers: { "x-name": "value" } });
      expect(response).toMatchObject({ status: 404, url, headers: { "x-twice": ["a", "b"] } });
      expect(await text(response.body)).toBe("GET /v2/a%20b?x=1 value");
    });

    it.each([["text"], [Buffer.from("text")]])("sends a body, given as %o", async (body) => {
      const server = await serve(httpServer((request, response) => void request.pipe(response)));
      const response = await transport.send({ method: "POST", url: server.origin, body });
      expect(await text(response.body)).toBe("text");
    });

    it("skips informational answers", async () => {
      const server = await serve(
        answering(
          "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ),
      );
      const response = await get(server.origin);
      expect(response.status).toBe(200);
      expect(await text(response.body)).toBe("ok");
    });

    it.each([
      ["100 Continue", "HTTP/1.1 100 Continue\r\n\r\n"],
      ["several, in pieces", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n"],
    ])("survives informational answers that nobody asked for (%s)", async (_, informational) => {
      const server = await serve(informing(informational));
      for (let i = 0; i < 2; i++) {
        const response = await transport.send({ method: "PUT", url: server.origin, body: "x" });
        expect(response.status).toBe(201);
        expect(await text(response.body)).toBe("ok");
      }
      expect(server.connections()).toBe(1);
    });

    it.each([
      ["informational answers", "HTTP/1.1 103 Early Hints\r\n\r\n"],
      ["header lines", "X-More: y\r\n"],
    ])("does not wait longer for the answer because %s come", async (_, line) => {
      const server = await serve(
        rawServer((socket) => {
          socket.on("error", () => {});
          socket.once("data", () => {
            if (line.startsWith("X")) socket.write("HTTP/1.1 200 OK\r\n");
            const timer = setInterval(() => socket.write(line), 5);
            socket.on("close", () => clearInterval(timer));
          });
        }),
      );
      transport = open({ headersTimeoutMs: 60 });
      const error = { message: `GET ${server.origin}: no answer in time` };
      await inIdleTime(() => expect(get(server.origin)).rejects.toMatchObject(error));
      await allClosed(server);
    });

    here.each([
      ["storeTimeoutMs", { storing: true }, { storeTimeoutMs: 60, headersTimeoutMs: 60_000 }],
      ["headersTimeoutMs", { storing: false }, { storeTimeoutMs: 60_000, headersTimeoutMs: 60 }],
    ] as const)("waits for an answer for the time of %s", async (_, { storing }, limits) => {
      const server = await serve(httpServer(() => {}));
      transport = open(limits);
      const request = { method: "PUT", url: server.origin, body: "x", storing } as const;
      await inIdleTime(async () => {
        const faked = performance.now();
        await expect(transport.send(request)).rejects.toMatchObject({
          message: `PUT ${server.origin}: no answer in time`,
        });
        expect(performance.now() - faked).toBeLessThan(1_000);
      });
    });

    it("gives up on informational answers without end", async () => {
      const hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(2_000);
      const server = await serve(answering(hints));
      await expect(get(server.origin)).rejects.toMatchObject({
        message: `GET ${server.origin}: answer with too long headers`,
      });
    });

    describe("over a used connection that is reset before any byte of an answer", () => {
      it.each([
        ["GET", undefined],
        ["HEAD", undefined],
        ["DELETE", undefined],
        ["POST", undefined],
        ["PUT", "a manifest"],
      ] as const)("sends %s once more on a fresh one", async (method, body) => {
        const server = await used();
        const response = await transport.send({ method, url: server.origin, body });
        expect(response.status).toBe(200);
        expect(server.connections()).toBe(2);
        await response.body.discard();
      });

      here.each([
        ["POST", "x"],
        ["PATCH", "x"],
        ["PUT", undefined],
        [
          "PUT",
          {
            lengthBytes: 1,
            open: async function* () {
              yield Buffer.from("x");
            },
          },
        ],
      ] as const)("does not send %s again that may have done something", async (method, body) => {
        const server = await used();
        const headers = { "content-length": body === undefined ? "0" : "1" };
        await expect(transport.send({ method, url: server.origin, body, headers })).rejects.toMatchObject({
          name: "ErrUnavailable",
          retryable: true,
        });
        expect(server.connections()).toBe(1);
      });
    });

    describe("for what cannot be sent again", () => {
      here("opens a connection where those that are there have not been used for a while", async () => {
        const clock = new FakeClock();
        const patient = createTransport({ reuseBuffers }, { clock });
        cleanups.push(() => patient.close());
        const server = await serve(resetting());
        await text((await patient.send({ method: "GET", url: server.origin })).body);
        await clock.sleep(1_000);
        await put(patient, server.origin);
        expect(server.connections()).toBe(2);
      });

      here("uses no connection again once one of that server was found dead", async () => {
        const server = await used();
        await expect(put(transport, server.origin)).rejects.toThrow("connection");
        await text((await get(server.origin)).body);
        await put(transport, server.origin);
        expect(server.connections()).toBe(3);
      });

      here("uses one again that has just been used", async () => {
        const server = await serve(
          httpServer((request, response) => void request.resume().on("end", () => response.end())),
        );
        await (await get(server.origin)).body.discard();
        await put(transport, server.origin);
        expect(server.connections()).toBe(1);
      });
    });

    it("does not send again what failed on a fresh connection", async () => {
      const server = await serve(
        rawServer((socket) => void socket.once("data", () => socket.resetAndDestroy())),
      );
      await expect(get(server.origin)).rejects.toMatchObject({ name: "ErrUnavailable", retryable: true });
      expect(server.connections()).toBe(1);
    });

    it("says what came instead of HTTP", async () => {
      const server = await serve(answering("SSH-2.0-OpenSSH_9.6\r\n"));
      await expect(get(server.origin)).rejects.toMatchObject({
        message: `GET ${server.origin}: got an answer that is not HTTP: it begins with "SSH-2.0-OpenSSH_9.6"`,
      });
    });

    it("keeps the bytes of a broken answer out of its error", async () => {
      const broken =
        "HTTP/1.1 307 X\r\nBad Header\r\nLocation: /x?sig=SIGNATURE\r\nSet-Cookie: COOKIE\r\n\r\n";
      const server = await serve(answering(broken));
      const error = await get(server.origin).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ message: `GET ${server.origin}: got an answer that is not HTTP` });
      expect(inspect(error, { depth: 10 })).not.toMatch(/SIGNATURE|COOKIE/);
    });

    it("gives HEAD answers an empty body whatever their length says", async () => {
      const server = await serve(
        httpServer((_, response) => void response.setHeader("content-length", 1_000_000).end()),
      );
      const response = await transport.send({ method: "HEAD", url: server.origin });
      expect(response.headers["content-length"]).toBe("1000000");
      expect(await text(response.body)).toBe("");
    });

    it("uses a connection again once its body was read", async () => {
      const server = await serve(httpServer((_, response) => void response.end("x".repeat(100_000))));
      for (let i = 0; i < 3; i++) await text((await get(server.origin)).body);
      expect(server.connections()).toBe(connectionsOf(3));
    });

    it("uses a connection again after HEAD", async () => {
      const server = await serve(httpServer((_, response) => void response.end("x")));
      const head = await transport.send({ method: "HEAD", url: server.origin });
      await head.body.discard();
      expect(await text((await get(server.origin)).body)).toBe("x");
      expect(server.connections()).toBe(1);
    });

    it("rejects retryably when nobody listens", async () => {
      const server = await httpServer(() => {});
      await server[Symbol.asyncDispose]();
      const error = await get(server.origin).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(ErrUnavailable);
      expect(error).toMatchObject({
        message: `GET ${server.origin}: connection refused`,
        endpoint: server.origin,
        retryable: true,
      });
    });

    it("rejects retryably when the connection closes before an answer", async () => {
      const server = await serve(rawServer((socket) => void socket.once("data", () => socket.end())));
      await expect(get(`${server.origin}/?token=secret`)).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: `GET ${server.origin}: connection closed by the other side`,
        retryable: true,
      });
    });

    here("rejects retryably when no answer comes in time", async () => {
      const server = await serve(rawServer((socket) => void socket.resume()));
      const error = { message: `GET ${server.origin}: no answer in time`, retryable: true };
      await inIdleTime(() => expect(get(server.origin)).rejects.toMatchObject(error));
      await allClosed(server);
    });

    it("refuses headers longer than the limit", async () => {
      const server = await serve(answering(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}\r\n\r\n`));
      await expect(get(server.origin)).rejects.toMatchObject({
        message: `GET ${server.origin}: answer with too long headers`,
        retryable: false,
      });
    });

    it.each([["ftp://host/"], ["no url"]])("refuses %s", async (url) => {
      await expect(get(url)).rejects.toBeInstanceOf(ErrInvalidArgument);
    });

    it("refuses header values that would split the request", async () => {
      const server = await serve(httpServer((_, response) => void response.end()));
      const headers = { "x-name": "a\r\nb: c" };
      await expect(transport.send({ method: "GET", url: server.origin, headers })).rejects.toBeInstanceOf(
        ErrInvalidArgument,
      );
    });

    it("sends nothing when the signal has fired already", async () => {
      const server = await serve(httpServer((_, response) => void response.end()));
      await expect(get(server.origin, AbortSignal.abort())).rejects.toBeInstanceOf(ErrCanceled);
      expect(server.connections()).toBe(0);
    });

    it("rejects and closes the socket when the signal fires before the answer", async () => {
      const aborter = new AbortController();
      const server = await serve(rawServer((socket) => void socket.once("data", () => aborter.abort())));
      await expect(get(server.origin, aborter.signal)).rejects.toBeInstanceOf(ErrCanceled);
      await allClosed(server);
    });

    it("keeps its own error when that is the abort reason", async () => {
      const aborter = new AbortController();
      const reason = new ErrInternal("reason");
      const server = await serve(
        rawServer((socket) => void socket.once("data", () => aborter.abort(reason))),
      );
      await expect(get(server.origin, aborter.signal)).rejects.toBe(reason);
    });
  });

  describe("body", () => {
    it("rejects retryably with the bytes received when it ends early", async () => {
      const server = await serve(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234", (socket) => socket.end()),
      );
      const received: string[] = [];
      const response = await get(server.origin);
      const piped = response.body.pipeTo((chunk) => void received.push(Buffer.from(chunk).toString()));
      await expect(piped).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringContaining("got 4 of 10 bytes"),
        endpoint: server.origin,
        retryable: true,
      });
      expect(received.join("")).toBe("1234");
    });

    it("rejects when a chunked body ends early", async () => {
      const server = await serve(
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n", (socket) =>
          socket.end(),
        ),
      );
      await expect(text((await get(server.origin)).body)).rejects.toMatchObject({
        message: expect.stringContaining("got 4 of unknown bytes"),
        retryable: true,
      });
    });

    it("is read to the end of the connection when it has no length", async () => {
      const server = await serve(answering("HTTP/1.1 200 OK\r\n\r\n1234", (socket) => socket.end()));
      expect(await text((await get(server.origin)).body)).toBe("1234");
    });

    it("ends at its Content-Length, and what follows is never taken for the next answer", async () => {
      const bad =
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad";
      const server = await serve(answering(bad));
      expect(await text((await get(server.origin)).body)).toBe("1234");
      expect(await text((await get(server.origin)).body)).toBe("1234");
      expect(server.connections()).toBe(2);
    });

    here("rejects retryably when nothing comes for too long, and closes the socket", async () => {
      const server = await serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"));
      const read = inIdleTime(async () => text((await get(server.origin)).body));
      await expect(read).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringMatching(/: no data in time: got 4 of 10 bytes$/),
        retryable: true,
      });
      await allClosed(server);
    });

    here("goes idle, not busy, behind a slow sink when nothing more comes", async () => {
      const server = await serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"));
      let calls = 0;
      const piped = inIdleTime(async () =>
        (await get(server.origin)).body.pipeTo(async () => {
          calls++;
          await setImmediate();
        }),
      );
      await expect(piped).rejects.toMatchObject({ message: expect.stringContaining("no data in time") });
      expect(calls).toBe(1);
    });

    it("does not call the sink again before its promise settles", async () => {
      const server = await serve(
        httpServer((_, response) => {
          for (let i = 0; i < 50; i++) response.write("x".repeat(10_000));
          response.end();
        }),
      );
      let running = 0;
      let received = 0;
      await (await get(server.origin)).body.pipeTo(async (chunk) => {
        expect(++running).toBe(1);
        await setImmediate();
        received += chunk.length;
        running--;
      });
      expect(received).toBe(500_000);
    });

    it("stops reading from the server while the sink is busy", async () => {
      const gate = Promise.withResolvers<void>();
      const paused = Promise.withResolvers<void>();
      const server = await serve(
        httpServer((_, response) => {
          const piece = Buffer.alloc(1_000_000);
          let sent = 0;
          const more = (): void => {
            while (sent < 40) {
              sent++;
              if (response.write(piece)) continue;
              paused.resolve();
              response.once("drain", more);
              return;
            }
            response.end();
          };
          more();
        }),
      );
      let received = 0;
      const piped = (await get(server.origin)).body.pipeTo((chunk) => {
        received += chunk.length;
        return received === chunk.length ? gate.promise : undefined;
      });
      await paused.promise;
      expect(received).toBeLessThan(1_000_000);
      gate.resolve();
      await piped;
      expect(received).toBe(40_000_000);
    });

    it("waits for the sink before it rejects", async () => {
      const gate = Promise.withResolvers<void>();
      const aborter = new AbortController();
      const server = await serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"));
      const order: string[] = [];
      const response = await get(server.origin, aborter.signal);
      const piped = response.body.pipeTo(async () => {
        aborter.abort();
        await gate.promise;
        order.push("sink");
      });
      const seen = piped.catch((error: unknown) => {
        order.push("rejected");
        return error;
      });
      await allClosed(server);
      gate.resolve();
      expect(await seen).toBeInstanceOf(ErrCanceled);
      expect(order).toEqual(["sink", "rejected"]);
    });

    it.each([
      ["throws", failByThrowing],
      ["rejects", failByRejecting],
    ])("rejects with the sink's own error when that %s, and closes the socket", async (_, fail) => {
      const server = await serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"));
      const error = new Error("disk full");
      await expect((await get(server.origin)).body.pipeTo(() => fail(error))).rejects.toBe(error);
      await allClosed(server);
    });

    it("closes the socket when the signal fires in the middle", async () => {
      const aborter = new AbortController();
      const server = await serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"));
      const response = await get(server.origin, aborter.signal);
      await expect(response.body.pipeTo(() => aborter.abort())).rejects.toBeInstanceOf(ErrCanceled);
      await allClosed(server);
    });

    it("can be claimed once", async () => {
      const server = await serve(httpServer((_, response) => void response.end("x")));
      const { body } = await get(server.origin);
      await body.discard();
      await expect(body.pipeTo(() => {})).rejects.toBeInstanceOf(ErrInternal);
    });
  });

  describe("body.bytes()", () => {
    it.each([
      ["with a Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234567890"],
      ["without", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n1234567890\r\n0\r\n\r\n"],
    ])("takes a body of exactly the limit and refuses a longer one, %s", async (_, answer) => {
      const server = await serve(answering(answer));
      expect(Buffer.from(await (await get(server.origin)).body.bytes(10)).toString()).toBe("1234567890");
      const other = await serve(answering(answer));
      const { body } = await get(other.origin);
      await expect(body.bytes(9)).rejects.toBeInstanceOf(ErrOutOfRange);
      await allClosed(other);
    });
  });

  describe("body.bytes() of an encoded document", () => {
    const encodings: ReadonlyArray<readonly [string, (bytes: Uint8Array) => Uint8Array]> = [
      ["gzip", gzipSync],
      ["x-gzip", gzipSync],
      ["deflate", deflateSync],
      ["deflate", deflateRawSync],
      ["br", brotliCompressSync],
      ["zstd", zstdCompressSync],
      ["identity", (bytes) => bytes],
      ["gzip, br", (bytes) => brotliCompressSync(gzipSync(bytes))],
    ];
    it.each(encodings)("decodes %s", async (coding, encode) => {
      const server = await serve(encoded(coding, encode(Buffer.from("a document"))));
      expect(await text((await get(server.origin)).body)).toBe("a document");
    });

    it("refuses more than the limit when decoded", async () => {
      const server = await serve(encoded("gzip", gzipSync(Buffer.alloc(1_000_000))));
      const { body } = await get(server.origin);
      await expect(body.bytes(100_000)).rejects.toBeInstanceOf(ErrOutOfRange);
    });

    it.each([
      ["compress", Buffer.from("x"), 'got Content-Encoding "compress", wanted none'],
      ["gzip", Buffer.from("no gzip"), 'got bytes that are not "gzip", as Content-Encoding says'],
      ["gzip", gzipSync("cut").subarray(0, 12), 'got bytes that are not "gzip", as Content-Encoding says'],
    ])("refuses bytes said to be %s, and blames the server", async (coding, bytes, words) => {
      const server = await serve(encoded(coding, bytes));
      await expect(text((await get(server.origin)).body)).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: `read body from ${server.origin}: ${words}`,
        endpoint: server.origin,
        retryable: false,
      });
    });
  });

  describe("body that drips", () => {
    here("is given up when it is slower than the least rate", async () => {
      const server = await serve(dripping());
      transport = open({ bodyIdleTimeoutMs: 50, minBytesPerSecond: 10_000 });
      const piped = inIdleTime(async () => (await get(server.origin)).body.pipeTo(() => {}));
      await expect(piped).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringMatching(
          /too slow: \d+ bytes in 50 ms, wanted at least 10000 bytes per second: got/,
        ),
        endpoint: server.origin,
        retryable: true,
      });
      await allClosed(server);
    });

    it("is given up as a document when that takes too long, however fast it drips", async () => {
      const server = await serve(dripping());
      transport = open({ documentTimeoutMs: 50, minBytesPerSecond: 0 });
      const read = inIdleTime(async () => text((await get(server.origin)).body));
      await expect(read).rejects.toMatchObject({
        message: expect.stringMatching(
          /^read body from .*: not complete after 50 ms: got \d+ of 1000 bytes$/,
        ),
        retryable: true,
      });
      await allClosed(server);
    });

    it("does not blame the server while the reader is busy", async () => {
      const server = await serve(httpServer((_, response) => void response.end("x".repeat(500_000))));
      await inIdleTime(async () => {
        const { body } = await get(server.origin);
        const later = new Promise<void>((resolve) => setTimeout(resolve, 10 * BODY_IDLE_TIMEOUT_MS));
        await body.pipeTo(() => later);
      });
    });
  });

  describe("body.head()", () => {
    it.each([
      ["as far as wanted", 3, "012"],
      ["to its end", 100, "0123456789"],
    ])("gives the beginning %s", async (_, maxBytes, expected) => {
      const server = await serve(httpServer((_request, response) => void response.end("0123456789")));
      const head = await (await get(server.origin)).body.head(maxBytes);
      expect(Buffer.from(head).toString()).toBe(expected);
    });

    it("gives what came of a body that breaks off", async () => {
      const broken = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234";
      const server = await serve(answering(broken, (socket) => socket.end()));
      expect(Buffer.from(await (await get(server.origin)).body.head(100)).toString()).toBe("1234");
    });

    it("gives nothing of bytes that cannot be decoded", async () => {
      const server = await serve(
        httpServer((_, response) => void response.setHeader("content-encoding", "gzip").end("plain")),
      );
      expect(await (await get(server.origin)).body.head(100)).toHaveLength(0);
    });
  });

  describe("body.discard()", () => {
    it("reads a short body to its end, for the sake of the connection", async () => {
      const server = await serve(httpServer((_, response) => void response.end("x".repeat(1_000))));
      for (let i = 0; i < 3; i++) await (await get(server.origin)).body.discard();
      expect(server.connections()).toBe(connectionsOf(3));
    });

    it.each([
      ["declared", "content-length"],
      ["undeclared", "x-none"],
    ])("closes the connection of a long body of %s length", async (_, header) => {
      const server = await serve(
        httpServer((_request, response) => {
          response.setHeader(header, 1_000_000);
          response.write("x".repeat(500_000));
        }),
      );
      await (await get(server.origin)).body.discard();
      await allClosed(server);
    });

    it("does not reject when the connection breaks", async () => {
      const server = await serve(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234", (socket) => socket.destroy()),
      );
      await (await get(server.origin)).body.discard();
    });
  });

  describe("close()", () => {
    it("cuts what is under way and refuses what comes later", async () => {
      const server = await serve(answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"));
      const { body } = await get(server.origin);
      const piped = body.pipeTo(() => {});
      const closed = transport.close();
      await expect(piped).rejects.toBeInstanceOf(ErrCanceled);
      await closed;
      await allClosed(server);
      await expect(get(server.origin)).rejects.toBeInstanceOf(ErrCanceled);
    });

    it("cuts requests that have no answer yet", async () => {
      const asked = Promise.withResolvers<Socket>();
      const server = await serve(
        rawServer((socket) => void socket.once("data", () => asked.resolve(socket))),
      );
      const answer = get(server.origin);
      const seen = expect(answer).rejects.toBeInstanceOf(ErrCanceled);
      await asked.promise;
      await transport.close();
      await seen;
    });
  });

  describe("tls", () => {
    it.each([
      ["refuses an unknown authority", {}, "certificate not trusted"],
      ["refuses a certificate for another host", { ca: CA }, "certificate is for another host"],
    ])("%s, for good", async (_, tls, words) => {
      const server = await serve(secureServer({}, { cert: pem("other.pem"), key: pem("other.key") }));
      await expect(transport.send({ method: "GET", url: server.origin, tls })).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringContaining(words),
        retryable: false,
      });
    });

    it.each([
      ["a given authority", { ca: CA }],
      ["any certificate, when told so", { skipVerify: true }],
    ])("accepts %s", async (_, tls) => {
      const server = await serve(secureServer());
      for (let i = 0; i < 2; i++) {
        const response = await transport.send({ method: "GET", url: server.origin, tls });
        expect(await text(response.body)).toBe("secure");
      }
      expect(server.connections()).toBe(connectionsOf(2));
    });

    it("never lends a connection to a request with other TLS options", async () => {
      const server = await serve(secureServer());
      const lax = await transport.send({ method: "GET", url: server.origin, tls: { skipVerify: true } });
      await lax.body.discard();
      await expect(get(server.origin)).rejects.toBeInstanceOf(ErrUnavailable);
    });

    it("shows its client certificate", async () => {
      const server = await serve(secureServer({ ca: CA, requestCert: true, rejectUnauthorized: true }));
      const tls = { ca: CA, cert: pem("client.pem"), key: pem("client.key") };
      const response = await transport.send({ method: "GET", url: server.origin, tls });
      expect(await text(response.body)).toBe("secure");
      await expect(
        transport.send({ method: "GET", url: server.origin, tls: { ca: CA } }),
      ).rejects.toBeInstanceOf(ErrUnavailable);
    });

    it.each([
      ["TLSv1.2", "TLS refused by the other side: handshake failure"],
      ["TLSv1.3", "TLS handshake failed: client certificate required"],
    ] as const)("says over %s that the server wants a certificate", async (version, words) => {
      const versions = { minVersion: version, maxVersion: version };
      const server = await serve(
        secureServer({ ca: CA, requestCert: true, rejectUnauthorized: true, ...versions }),
      );
      await expect(
        transport.send({ method: "GET", url: server.origin, tls: { ca: CA } }),
      ).rejects.toMatchObject({ message: `GET ${server.origin}: ${words}`, retryable: false });
    });

    it("tells a plain HTTP server from a TLS server", async () => {
      const server = await serve(httpServer((_, response) => void response.end()));
      await expect(get(server.origin.replace("http:", "https:"))).rejects.toMatchObject({
        message: expect.stringContaining("TLS handshake failed"),
        retryable: false,
      });
    });

    it("resumes sessions and survives many connections", async () => {
      const server = await serve(secureServer());
      const send = () => transport.send({ method: "GET", url: server.origin, tls: { ca: CA } });
      const bodies = (await Promise.all([send(), send(), send()])).map(({ body }) => text(body));
      expect(await Promise.all(bodies)).toEqual(["secure", "secure", "secure"]);
    });
  });

  describe("proxy", () => {
    it("sends plain requests through the proxy, except to the hosts named", async () => {
      const asked: string[] = [];
      const proxy = await serve(proxyServer(asked));
      transport = open({ proxy: { httpProxy: proxy.origin, noProxy: "direct.test" } });
      expect(await text((await get("http://registry.test/a?b=1")).body)).toBe("by proxy");
      expect(asked).toEqual(["GET http://registry.test/a?b=1 registry.test"]);
      await expect(get("http://direct.test/")).rejects.toMatchObject({
        message: "GET http://direct.test: no such host",
      });
    });

    it("reaches loopback directly, whatever the proxy", async () => {
      const proxy = await serve(proxyServer([]));
      const server = await serve(httpServer((_, response) => void response.end("direct")));
      transport = open({ proxy: { httpProxy: proxy.origin } });
      expect(await text((await get(server.origin)).body)).toBe("direct");
      expect(proxy.connections()).toBe(0);
    });

    it.each(["plain", "https"])("names the refusal of a proxy that wants a password (%s)", async (scheme) => {
      const proxy = await serve(
        rawServer((socket) => {
          socket.on("error", () => {});
          socket.once("data", () =>
            socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
          );
        }),
      );
      const address = proxy.origin.replace("http://", "");
      transport = open({ proxy: { httpProxy: address, httpsProxy: address } });
      const origin = scheme === "plain" ? "http://registry.test" : "https://registry.test";
      await expect(get(origin)).rejects.toMatchObject({
        name: "ErrUnavailable",
        message: expect.stringContaining(
          `GET ${origin}: proxy ${proxy.origin} refused: 407 Proxy Authentication Required`,
        ),
        endpoint: origin,
        retryable: false,
      });
    });

    it("shows its user and password to the proxy, and nobody else", async () => {
      const seen: string[] = [];
      const proxy = await serve(
        httpServer((request, response) => {
          seen.push(request.headers["proxy-authorization"] ?? "");
          response.statusCode = 500;
          response.end();
        }),
      );
      const httpProxy = proxy.origin.replace("http://", "user:p%40ss@");
      transport = open({ proxy: { httpProxy } });
      const { body, secrets } = await get("http://registry.test/");
      await body.discard();
      expect(seen).toEqual([`Basic ${Buffer.from("user:p@ss").toString("base64")}`]);
      expect(secrets).toEqual([]);
    });

    it("does not wait for a silent proxy longer than for a connection", async () => {
      const proxy = await serve(rawServer((socket) => void socket.resume()));
      transport = open({ proxy: { httpsProxy: proxy.origin } });
      const message = `GET https://registry.test: proxy ${proxy.origin}: no connection in time`;
      const asked = inIdleTime(() => get("https://registry.test"));
      await expect(asked).rejects.toMatchObject({ message, retryable: true });
      await allClosed(proxy);
    });

    it("waits for a connection as long as the request says, whatever holds for others", async () => {
      const proxy = await serve(rawServer((socket) => void socket.resume()));
      transport = open({ connectTimeoutMs: 2 ** 31 - 1, proxy: { httpsProxy: proxy.origin } });
      const request = { method: "GET", url: "https://registry.test", connectTimeoutMs: 20 } as const;
      await expect(transport.send(request)).rejects.toMatchObject({
        message: `GET https://registry.test: proxy ${proxy.origin}: no connection in time`,
      });
      await allClosed(proxy);
    });

    it.each([
      [502, "refused: 502 Bad Gateway", true],
      [429, "refused: 429 Too Many Requests", true],
      [501, "refused: 501 Not Implemented", false],
      [403, "refused: 403 Forbidden", false],
    ])("takes a %d to CONNECT for what it is", async (status, words, retryable) => {
      const proxy = await serve(answering(`HTTP/1.1 ${status} No\r\n\r\n`));
      transport = open({ proxy: { httpsProxy: proxy.origin } });
      await expect(get("https://registry.test")).rejects.toMatchObject({
        message: `GET https://registry.test: proxy ${proxy.origin} ${words}`,
        retryable,
      });
    });

    it("rejects retryably when the proxy closes the connection instead of a tunnel", async () => {
      const proxy = await serve(answering("", (socket) => void socket.end()));
      transport = open({ proxy: { httpsProxy: proxy.origin } });
      await expect(get("https://registry.test")).rejects.toMatchObject({
        message: `GET https://registry.test: proxy ${proxy.origin} closed the connection instead of a tunnel`,
        retryable: true,
      });
    });

    it.each(["user:s3cret@host:port", "socks5://user:s3cret@host:1080", "http://user:s3cret@"])(
      "refuses the proxy %s without its password in the message",
      (httpProxy) => {
        const opening = (): Transport => createTransport({ proxy: { httpProxy } });
        expect(opening).toThrow(ErrInvalidArgument);
        expect(opening).toThrow(/^(?!.*s3cret)connection\.proxy\.httpProxy/);
      },
    );

    it("tunnels TLS through the proxy with the endpoint's own options", async () => {
      const asked: string[] = [];
      const tunnel = createServer().on("connect", (request, client: Socket) => {
        asked.push(`CONNECT ${request.url}`);
        const { port: serverPort } = new URL(server.origin);
        const upstream = connect(Number(serverPort), "127.0.0.1", () =>
          client.write("HTTP/1.1 200 OK\r\n\r\n"),
        );
        upstream.pipe(client).pipe(upstream);
        for (const socket of [upstream, client]) socket.on("error", () => {});
      });
      await new Promise<void>((resolve) => tunnel.listen(0, "127.0.0.1", resolve));
      cleanups.push(() => new Promise((resolve) => tunnel.close(resolve)));
      const address = tunnel.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const server = await serve(secureServer({}, { cert: pem("other.pem"), key: pem("other.key") }));
      transport = open({ proxy: { httpsProxy: `http://127.0.0.1:${port}` } });
      const url = "https://other.test/x";
      const response = await transport.send({ method: "GET", url, tls: { ca: CA } });
      expect(await text(response.body)).toBe("secure");
      expect(asked).toEqual(["CONNECT other.test:443"]);
      await transport.close();
    });
  });
});
