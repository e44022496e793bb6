import { mkdtemp, rm } from "node:fs/promises";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { type AddressInfo, connect as connectTo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GrpcServer } from "../../../../src/content/grpc/server/grpc-server.ts";
import type { ServerCall } from "../../../../src/content/grpc/server/server-call.ts";
import { frame } from "../../../../src/content/grpc/wire/frame.ts";
import { ErrUnavailable } from "../../../../src/errors/classes.ts";

const MIB = 1_048_576;

let folder: string;
let server: GrpcServer;
let client: ClientHttp2Session;
/** The calls that reached `/test/Call`, and what is done with each. */
let calls: ServerCall[];
let handler: (call: ServerCall) => void | Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "grpc-server-"));
  const path = join(folder, "s");
  calls = [];
  handler = (call) => void calls.push(call);
  server = new GrpcServer(new Map([["/test/Call", async (call: ServerCall) => handler(call)]]));
  await new Promise<void>((resolve) => server.listener.listen({ path }, resolve));
  client = connect("http://localhost", { createConnection: () => connectTo(path) });
});

afterEach(async () => {
  client.destroy();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** What a client begins a connection with (RFC 9113, section 3.4). */
const PREFACE = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  http2Frame(4, 0, 0, Buffer.alloc(0)),
]);

/** A frame of HTTP/2 (RFC 9113, section 4.1). */
function http2Frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A text as HPACK has it, not compressed (RFC 7541, section 5.2). */
function literal(text: string): readonly Buffer[] {
  return [Buffer.from([text.length]), Buffer.from(text)];
}

/** A call that is begun, says something and is reset: more than a well-behaved client would send at once. */
function resetCall(streamId: number, headers: Record<string, string>, code: number): Buffer[] {
  const all = { ":method": "POST", ":scheme": "http", ":authority": "localhost", ...headers };
  const block = Object.entries(all).map(([name, value]) => {
    return Buffer.concat([Buffer.from([0]), ...literal(name), ...literal(value)]);
  });
  return [
    http2Frame(1, 4, streamId, Buffer.concat(block)),
    http2Frame(0, 0, streamId, Buffer.alloc(10_000)),
    http2Frame(3, 0, streamId, Buffer.from([0, 0, 0, code])),
  ];
}

/** What a client got. */
interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Absent when the headers were all there was. */
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly rstCode: number | undefined;
}

function request(headers: Record<string, string> = {}): ClientHttp2Stream {
  const all = { ":method": "POST", ":path": "/test/Call", "content-type": "application/grpc", ...headers };
  return client.request(all).on("error", () => {});
}

function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  const chunks: Buffer[] = [];
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("response", (got) => {
    headers = got;
  });
  stream.on("trailers", (got) => {
    trailers = got;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    stream.once("close", () =>
      resolve({ headers, trailers, body: Buffer.concat(chunks), rstCode: stream.rstCode }),
    );
  });
}

describe("GrpcServer", () => {
  it("sends headers, messages and the status behind them", async () => {
    handler = async (call) => {
      const text = Buffer.from((await call.next()) ?? []).toString();
      await call.send(frame(Buffer.from(text)));
      await call.finish(frame(Buffer.from("last")));
    };
    const stream = request();
    stream.end(frame(Buffer.from("first")));
    const { headers, body, trailers } = await answerTo(stream);
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto" });
    expect(body).toEqual(Buffer.concat([frame(Buffer.from("first")), frame(Buffer.from("last"))]));
    expect(trailers).toMatchObject({ "grpc-status": "0" });
  });

  it("sends an error in the headers when nothing went before, and else behind the messages", async () => {
    handler = (call) => call.fail({ code: 5, details: "lost" });
    const early = request();
    early.end();
    const first = await answerTo(early);
    expect(first.headers).toMatchObject({ ":status": 200, "grpc-status": "5", "grpc-message": "lost" });
    expect(first.trailers).toBeUndefined();

    handler = async (call) => {
      await call.send(frame(Buffer.from("some")));
      call.fail({ code: 5, details: "lost" });
      call.fail({ code: 6, details: "too late" });
    };
    const late = request();
    late.end();
    const second = await answerTo(late);
    expect(second.headers["grpc-status"]).toBeUndefined();
    expect(second.trailers).toMatchObject({ "grpc-status": "5", "grpc-message": "lost" });
  });

  it("tells a client that has not half-closed to stop, after the status and without an error", async () => {
    for (handler of [
      (call: ServerCall) => call.fail({ code: 3, details: "no" }),
      (call: ServerCall) => void call.finish(frame(Buffer.from("done"))),
    ]) {
      const stream = request();
      stream.write(frame(Buffer.alloc(10)));
      const { headers, trailers, rstCode } = await answerTo(stream);
      expect({ ...headers, ...trailers }).toHaveProperty("grpc-status");
      expect(rstCode).toBe(0);
    }
  });

  it("refuses what is no gRPC, and methods that it does not have", async () => {
    const statuses = [
      { ":method": "GET" },
      { "content-type": "application/json" },
      { ":path": "/test/Other" },
    ].map(async (headers) => {
      const stream = request(headers);
      stream.end();
      const { headers: got } = await answerTo(stream);
      return [got[":status"], got["grpc-status"], got["grpc-message"]];
    });
    expect(await Promise.all(statuses)).toEqual([
      [405, undefined, undefined],
      [415, undefined, undefined],
      [200, "12", "unknown method /test/Other"],
    ]);
    expect(calls).toEqual([]);
  });

  it("fires the signal when the caller cancels, with nobody to answer", async () => {
    const stream = request();
    stream.end(frame(Buffer.alloc(1)));
    await expect.poll(() => calls.length).toBe(1);
    const [call] = calls;
    const fired = new Promise((resolve) => call?.signal.addEventListener("abort", resolve));
    stream.close(8);
    await fired;
    expect(call?.signal.reason).toMatchObject({ code: "ERR_CANCELED" });
    call?.fail({ code: 1, details: "nobody hears it" });
    expect(await call?.finish(frame(Buffer.alloc(1)))).toBe(false);
  });

  it.each([0, 2, 8])(
    "survives calls that are reset in the packet that began them (code %d)",
    async (code) => {
      const paths = ["/test/Call", "/test/Other"];
      const types = ["application/grpc", "application/json"];
      const headers = paths.flatMap((path) => types.map((type) => ({ ":path": path, "content-type": type })));
      const socket = connectTo(join(folder, "s"));
      const packets = headers.map((one, index) => Buffer.concat(resetCall(2 * index + 1, one, code)));
      socket.write(Buffer.concat([PREFACE, ...packets]));
      await expect.poll(() => calls.length).toBe(1);
      const [call] = calls;
      call?.fail({ code: 1, details: "nobody hears it" });
      await call?.finish(frame(Buffer.alloc(1)));
      socket.destroy();
      const stream = request({ ":path": "/test/Other" });
      stream.end();
      expect((await answerTo(stream)).headers["grpc-status"]).toBe("12");
    },
  );

  it("survives the end of a call that is reset while there is something to read", async () => {
    const stream = request();
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.write(Buffer.alloc(200_000));
    await expect.poll(() => calls.length).toBe(1);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    stream.close(0);
    await closed;
    await answerTo(request({ ":path": "/test/Other" }).end()); // now the server has seen it
    expect(calls[0]?.signal.aborted).toBe(true);
    calls[0]?.fail({ code: 1, details: "nobody hears it" });
    expect(await calls[0]?.finish(frame(Buffer.alloc(1)))).toBe(false);
  });

  it("fires the signal at the caller's deadline", async () => {
    const stream = request({ "grpc-timeout": "1m" });
    stream.end();
    await expect.poll(() => calls[0]?.signal.aborted).toBe(true);
    expect(calls[0]?.signal.reason).toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
    const answer = answerTo(stream);
    calls[0]?.fail({ code: 4, details: "context deadline exceeded" });
    expect((await answer).headers["grpc-status"]).toBe("4");
  });

  it.each([
    ["a call that goes on", (call: ServerCall) => void call.send(frame(Buffer.alloc(MIB))).catch(() => {})],
    ["a call that is over", (call: ServerCall) => void call.finish(frame(Buffer.alloc(MIB)))],
  ])("takes back at the deadline what nobody reads of %s", async (_, answer) => {
    handler = (call) => {
      calls.push(call);
      answer(call);
      call.signal.addEventListener("abort", () => call.fail({ code: 4, details: "late" }));
    };
    const stream = request({ "grpc-timeout": "20m" });
    stream.end();
    await expect.poll(() => stream.rstCode, { timeout: 20_000 }).toBe(8);
    stream.resume();
  });

  it("does not fire the signal of a call that is over", async () => {
    handler = (call) => {
      calls.push(call);
      void call.finish();
    };
    const stream = request();
    stream.end();
    await answerTo(stream);
    expect(calls[0]?.signal.aborted).toBe(false);
  });

  it("leaves with the client what nobody asks for", async () => {
    const stream = request();
    let accepted = 0;
    for (let index = 0; index < 32; index++) {
      stream.write(frame(Buffer.alloc(MIB)), (error) => {
        if (!error) accepted++;
      });
    }
    await expect.poll(() => calls.length).toBe(1);
    for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(accepted).toBeLessThan(4);
    for (let index = 0; index < 32; index++) expect(await calls[0]?.next()).toHaveLength(MIB);
    stream.close(8);
  });

  it("closes when the last call has ended, and drops the rest when told to", async () => {
    const stream = request();
    stream.end();
    await expect.poll(() => calls.length).toBe(1);
    let closed = false;
    const close = async (): Promise<void> => {
      await server.close();
      closed = true;
    };
    const closing = close();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(false);
    server.destroy();
    await closing;
    expect(calls[0]?.signal.aborted).toBe(true);
  });

  it("takes the first of metadata that comes twice, whatever the key", async () => {
    const names = ["containerd-namespace", "x-any", "grpc-timeout"];
    const twice = Object.fromEntries(names.map((name) => [name, ["1S", "2S"]]));
    const stream = client.request({
      ":method": "POST",
      ":path": "/test/Call",
      "content-type": "application/grpc",
      ...twice,
    });
    stream.on("error", () => {}).end();
    await expect.poll(() => calls.length).toBe(1);
    expect(names.map((name) => calls[0]?.headers[name])).toEqual(["1S", "1S", "1S"]);
    stream.close(8);
  });

  it("answers calls that wait in line at their deadline and when it is stopped", async () => {
    const held: Promise<void>[] = [];
    const release = Promise.withResolvers<void>();
    handler = (call) => {
      calls.push(call);
      held.push(release.promise);
      return release.promise; // long after its call is over
    };
    for (let round = 0; round < 64; round++) {
      const stream = request();
      await expect.poll(() => calls.length).toBe(round + 1);
      stream.close(8);
    }
    await expect.poll(() => calls.every(({ signal }) => signal.aborted)).toBe(true);
    const late = await answerTo(request({ "grpc-timeout": "1m" }).end());
    expect(late.headers["grpc-status"]).toBe("4");
    const waiting = answerTo(request().end());
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    server.stop(new ErrUnavailable("closing"));
    expect((await waiting).headers).toMatchObject({ "grpc-status": "14" });
    expect(calls).toHaveLength(64);
    release.resolve();
    await Promise.all(held);
  });

  it("drops a connection over TCP whose other end does not answer any more", async () => {
    const watched = new GrpcServer(new Map([["/test/Call", async (call: ServerCall) => handler(call)]]), {
      intervalMs: 5,
      answerMs: 20,
    });
    await new Promise<void>((resolve) => watched.listener.listen({ host: "127.0.0.1", port: 0 }, resolve));
    const { port } = watched.listener.address() as AddressInfo;
    const socket = connectTo({ host: "127.0.0.1", port });
    const headers = { ":path": "/test/Call", "content-type": "application/grpc" };
    const [begin = Buffer.alloc(0)] = resetCall(1, headers, 0);
    socket.write(Buffer.concat([PREFACE, begin]));
    socket.on("error", () => {}).resume();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(calls[0]?.signal.reason).toMatchObject({ code: "ERR_CANCELED" });
    await watched.close();
  });

  it("keeps a connection over TCP whose other end answers", async () => {
    const watched = new GrpcServer(new Map([["/test/Call", async (call: ServerCall) => handler(call)]]), {
      intervalMs: 1,
      answerMs: 60_000,
    });
    await new Promise<void>((resolve) => watched.listener.listen({ host: "127.0.0.1", port: 0 }, resolve));
    const { port } = watched.listener.address() as AddressInfo;
    const other = connect(`http://127.0.0.1:${port}`);
    let pings = 0;
    other.on("ping", () => pings++);
    await expect.poll(() => pings).toBeGreaterThan(3);
    expect(other.destroyed).toBe(false);
    other.destroy();
    await watched.close();
  });
});
