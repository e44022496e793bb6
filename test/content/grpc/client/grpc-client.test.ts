import { mkdtemp, rm } from "node:fs/promises";
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GrpcClient } from "../../../../src/content/grpc/client/grpc-client.ts";
import { frame } from "../../../../src/content/grpc/wire/frame.ts";
import type { Codec, GrpcMethod } from "../../../../src/content/grpc/wire/method.ts";
import { parseAddress } from "../../../../src/sockets/address.ts";
import { inIdleTime } from "../../../async/idle-time.ts";
import { FakeClock } from "../../../registry/support/fake-clock.ts";

const MIB = 1_048_576;

const TEXT: Codec<string> = {
  encode: (text) => Buffer.from(text),
  decode(bytes) {
    const text = Buffer.from(bytes).toString();
    if (text === "malformed") throw new Error("not a text");
    return text;
  },
};

const METHOD: GrpcMethod<string, string> = { path: "/test/Call", request: TEXT, response: TEXT };

const OK_HEADERS = { ":status": 200, "content-type": "application/grpc" };

let folder: string;
let address: string;
let server: Http2Server;
let client: GrpcClient;
/** What the server does with a call, by its number from 1. */
let answer: (stream: ServerHttp2Stream, call: number) => void;
let calls: number;
let sessions: Set<ServerHttp2Session>;
let headersSeen: Record<string, unknown>[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "grpc-client-"));
  address = join(folder, "s");
  [calls, headersSeen, sessions] = [0, [], new Set()];
  answer = (stream) => succeed(stream, "answer");
  server = await listen(address);
  client = new GrpcClient(parseAddress(`unix://${address}`), () => ({ "x-always": "here" }));
});

afterEach(async () => {
  client.close();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function listen(path: string): Promise<Http2Server> {
  const one = createServer();
  one.on("sessionError", () => {});
  one.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  one.on("stream", (stream, headers) => {
    headersSeen.push(headers);
    stream.on("error", () => {});
    answer(stream, ++calls);
  });
  await started(one, path);
  return one;
}

async function started(one: Http2Server | NetServer, path: string): Promise<void> {
  await new Promise<void>((resolve) => one.listen({ path }, resolve));
}

/** Ends the server and all its connections. */
async function stop(): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const session of sessions) session.destroy();
  await closed;
}

/** Answers with these messages and a status behind them. */
function succeed(stream: ServerHttp2Stream, ...messages: string[]): void {
  finish(stream, messages, { "grpc-status": "0" });
}

function finish(
  stream: ServerHttp2Stream,
  messages: readonly string[],
  trailers: Record<string, string>,
): void {
  stream.respond(OK_HEADERS, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  for (const message of messages) stream.write(frame(Buffer.from(message)));
  stream.end();
  stream.resume();
}

function refuse(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_REFUSED_STREAM);
}

/** How many pipes keep this process alive. */
function pipes(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
}

async function gather(): Promise<string[]> {
  const got: string[] = [];
  for await (const text of client.stream(METHOD, "question")) got.push(text);
  return got;
}

describe("GrpcClient", () => {
  it("tells the service what gRPC asks for, and what it was given", async () => {
    expect(await client.unary(METHOD, "question", { timeoutMs: 5_000 })).toBe("answer");
    expect(headersSeen[0]).toMatchObject({
      ":method": "POST",
      ":path": "/test/Call",
      ":scheme": "http",
      ":authority": "localhost",
      te: "trailers",
      "content-type": "application/grpc+proto",
      "grpc-timeout": "5000m",
      "x-always": "here",
    });
  });

  it("gives all messages, however many, and none", async () => {
    answer = (stream) => succeed(stream, ...Array.from({ length: 500 }, (_, index) => `message ${index}`));
    expect(await gather()).toHaveLength(500);
    answer = (stream) => succeed(stream);
    expect(await gather()).toEqual([]);
  });

  it("leaves messages as they are when the next ones come", async () => {
    const large = ["a", "b", "c"].map((letter) => letter.repeat(200_000));
    answer = (stream) => succeed(stream, ...large);
    const bytes: GrpcMethod<string, Uint8Array> = {
      ...METHOD,
      response: { encode: (one) => one, decode: (one) => one },
    };
    const got: Uint8Array[] = [];
    for await (const message of client.stream(bytes, "question")) got.push(message);
    expect(got.map((one) => Buffer.from(one).toString())).toEqual(large);
  });

  it.each([0, 2])("refuses an answer of %d messages where one is wanted", async (count) => {
    answer = (stream) => succeed(stream, ...Array<string>(count).fill("answer"));
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({
      code: "ERR_INTERNAL",
      message: `got ${count} responses, want 1`,
    });
  });

  it("tells a status behind messages, in the headers, and in escapes", async () => {
    answer = (stream) => finish(stream, ["some"], { "grpc-status": "5", "grpc-message": "no %C3%A4" });
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code: 5, details: "no ä" });
    answer = (stream) => {
      stream.respond({ ...OK_HEADERS, "grpc-status": "9", "grpc-message": "not now" }, { endStream: true });
    };
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code: 9, details: "not now" });
  });

  it.each([
    [{ ":status": 200, "content-type": "text/html" }, 2, "text/html"],
    [{ ":status": 200 }, 2, '""'],
    [{ ":status": 404, "content-type": "application/grpc" }, 12, "404"],
    [{ ":status": 503 }, 14, "503"],
    [{ ":status": 401 }, 16, "401"],
    [{ ":status": 418 }, 2, "418"],
  ])("tells what an answer means that is no gRPC: %j", async (headers, code, words) => {
    answer = (stream) => {
      stream.respond(headers);
      stream.end("<html>not a frame</html>");
    };
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({
      code,
      details: expect.stringContaining(words),
    });
  });

  it("says so when the answer ends without a status, or in the middle of a message", async () => {
    answer = (stream) => {
      stream.respond(OK_HEADERS);
      stream.end(frame(Buffer.from("answer")));
    };
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code: 2 });
    answer = (stream) => {
      stream.respond(OK_HEADERS, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(frame(Buffer.from("answer")).subarray(0, 7));
    };
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code: "ERR_INTERNAL" });
  });

  it.each([
    ["an answer that is malformed", () => frame(Buffer.from("malformed")), "ERR_INTERNAL"],
    ["one that is compressed", () => Buffer.from([1, 0, 0, 0, 0]), "ERR_NOT_IMPLEMENTED"],
    ["one that is too large", () => Buffer.from([0, 1, 0, 0, 1]), "ERR_RESOURCE_EXHAUSTED"],
  ])("refuses %s and cancels the call", async (_, bytes, code) => {
    const closed = Promise.withResolvers<number>();
    answer = (stream) => {
      stream.respond(OK_HEADERS);
      stream.write(bytes());
      stream.on("close", () => closed.resolve(stream.rstCode));
      stream.resume();
    };
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code });
    expect(await closed.promise).toBe(constants.NGHTTP2_CANCEL);
  });

  it("sends no message that is larger than any service of ours takes", async () => {
    await expect(client.unary(METHOD, "x".repeat(16 * MIB + 1))).rejects.toMatchObject({
      code: "ERR_RESOURCE_EXHAUSTED",
    });
    expect(await client.unary(METHOD, "question")).toBe("answer");
  });

  it.each([
    [constants.NGHTTP2_CANCEL, 1],
    [constants.NGHTTP2_ENHANCE_YOUR_CALM, 8],
    [constants.NGHTTP2_INTERNAL_ERROR, 13],
  ])("tells what a reset with code %d means", async (reset, code) => {
    answer = (stream) => stream.close(reset);
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code });
  });

  it("makes a call again that was refused, and gives up in the end", async () => {
    answer = (stream, call) => (call === 1 ? refuse(stream) : succeed(stream, "answer"));
    expect(await client.unary(METHOD, "question")).toBe("answer");
    answer = refuse;
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code: 14 });
    expect(calls).toBe(5);
  });

  it("makes a call again whose connection breaks, says so, and gives up in the end", async () => {
    let repeats = 0;
    const options = { onRepeat: () => void repeats++ };
    answer = (stream, call) => (call < 3 ? stream.session?.destroy() : succeed(stream, "answer"));
    expect(await client.unary(METHOD, "question", options)).toBe("answer");
    answer = (stream) => {
      stream.respond(OK_HEADERS);
      stream.write(frame(Buffer.from("some")), () => stream.session?.destroy());
    };
    await expect(client.unary(METHOD, "question", options)).rejects.toMatchObject({ code: 14, kind: "lost" });
    expect([calls, repeats]).toEqual([6, 4]);
  });

  it("makes a call that is to be made once again when it was refused, and not when its connection breaks", async () => {
    answer = (stream, call) => (call === 1 ? refuse(stream) : stream.session?.destroy());
    const called = client.unary(METHOD, "question", { once: true });
    await expect(called).rejects.toMatchObject({ code: 14, kind: "lost" });
    expect(calls).toBe(2);
  });

  it("says of a stream that breaks behind its first message that the service is not available", async () => {
    answer = (stream) => {
      stream.respond(OK_HEADERS);
      stream.write(frame(Buffer.from("some")), () => stream.session?.destroy());
    };
    await expect(gather()).rejects.toMatchObject({ code: 14 });
  });

  it("finds the service again after a restart, without a failure when it said goodbye", async () => {
    for (let round = 0; round < 3; round++) {
      expect(await client.unary(METHOD, "question")).toBe("answer");
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions) session.close();
      await closed;
      server = await listen(address);
    }
  });

  it("waits for a service that went away, for so long and no longer, all calls together", async () => {
    const clock = new FakeClock();
    client = new GrpcClient(parseAddress(`unix://${address}`), () => ({}), { restartMs: 1_000, clock });
    await client.unary(METHOD, "question");
    await stop();
    const waiting = [client.unary(METHOD, "question"), gather()];
    await expect.poll(() => clock.sleeps.length).toBe(1);
    server = await listen(address);
    clock.advance(1_000);
    expect(await Promise.all(waiting)).toEqual(["answer", ["answer"]]);
    await stop();
    const late = client.unary(METHOD, "question").catch((error: unknown) => error);
    await expect.poll(() => clock.sleeps.length).toBe(2);
    clock.advance(1_000);
    expect(await late).toMatchObject({ code: "ERR_UNAVAILABLE" });
    await expect(client.unary(METHOD, "question")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
    expect(clock.sleeps).toHaveLength(2);
  });

  it("ends the wait for a service that went away when the signal fires, and when it is closed", async () => {
    await client.unary(METHOD, "question");
    await stop();
    const controller = new AbortController();
    const aborted = client.unary(METHOD, "question", { signal: controller.signal });
    const closed = client.unary(METHOD, "question");
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ERR_CANCELED" });
    client.close();
    await expect(closed).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });

  it("lets calls that are under way end when the service says goodbye, and makes new ones elsewhere", async () => {
    const held = Promise.withResolvers<ServerHttp2Stream>();
    answer = (stream, call) => (call === 1 ? held.resolve(stream) : succeed(stream, "answer"));
    const first = client.unary(METHOD, "question");
    const stream = await held.promise;
    stream.session?.goaway(constants.NGHTTP2_NO_ERROR);
    await expect.poll(() => client.unary(METHOD, "question")).toBe("answer");
    succeed(stream, "late");
    expect(await first).toBe("late");
  });

  it("shares one connection among calls that come while it is made", async () => {
    const all = Array.from({ length: 50 }, () => client.unary(METHOD, "question"));
    expect(new Set(await Promise.all(all))).toEqual(new Set(["answer"]));
    expect(sessions.size).toBe(1);
  });

  it("throws ErrUnavailable when nobody listens, and for one that speaks something else", async () => {
    const nowhere = new GrpcClient(parseAddress(`unix://${folder}/nowhere`), () => ({}));
    await expect(nowhere.unary(METHOD, "question")).rejects.toMatchObject({
      code: "ERR_UNAVAILABLE",
      message: `connect ENOENT ${folder}/nowhere`,
      cause: { code: "ENOENT" },
    });
    const other = createNetServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await started(other, join(folder, "http"));
    const wrong = new GrpcClient(parseAddress(`unix://${folder}/http`), () => ({}));
    await expect(wrong.unary(METHOD, "question")).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
    other.close();
  });

  it("leaves a connection that is never greeted when the signal fires, at the deadline, and when it is closed", async () => {
    const sockets: Socket[] = [];
    const silent = createNetServer((socket) => sockets.push(socket));
    await started(silent, join(folder, "silent"));
    const waiting = new GrpcClient(parseAddress(`unix://${folder}/silent`), () => ({}));
    const controller = new AbortController();
    const aborted = waiting.unary(METHOD, "question", { signal: controller.signal });
    const late = waiting.unary(METHOD, "question", { timeoutMs: 1 });
    const closed = waiting.unary(METHOD, "question");
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
    waiting.close();
    await expect(closed).rejects.toMatchObject({ code: "ERR_CANCELED" });
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it("cancels a call at the service when its signal fires, at its deadline, and when the loop is left", async () => {
    const codes: Promise<number>[] = [];
    answer = (stream) => {
      codes.push(new Promise((resolve) => stream.on("close", () => resolve(stream.rstCode))));
      stream.respond(OK_HEADERS);
      stream.write(frame(Buffer.from("first")));
      stream.resume();
    };
    const controller = new AbortController();
    const leave = async (): Promise<void> => {
      for await (const _ of client.stream(METHOD, "question", { signal: controller.signal })) {
        controller.abort();
      }
    };
    await expect(leave()).rejects.toMatchObject({ code: "ERR_CANCELED" });
    const late = inIdleTime(() => client.unary(METHOD, "question", { timeoutMs: 20 }));
    await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE_EXCEEDED" });
    for await (const _ of client.stream(METHOD, "question")) break;
    expect(await Promise.all(codes)).toEqual([8, 8, 8]);
  });

  it("takes no more than a window when nobody asks for messages", async () => {
    let accepted = 0;
    answer = (stream) => {
      stream.respond(OK_HEADERS);
      for (let index = 0; index < 64; index++) stream.write(frame(Buffer.alloc(MIB)), () => accepted++);
    };
    const bytes = { ...METHOD, response: { encode: () => Buffer.alloc(0), decode: () => "bytes" } };
    for await (const _ of client.stream(bytes, "question")) {
      for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
      break;
    }
    expect(accepted).toBeLessThan(16);
  });

  it("exchanges messages as they come", async () => {
    answer = (stream) => {
      stream.respond(OK_HEADERS, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.on("data", (bytes: Buffer) => stream.write(bytes));
      stream.on("end", () => stream.end());
    };
    using call = await client.duplex(METHOD);
    for (const text of ["one", "two"]) {
      call.send(Buffer.from(text));
      expect(Buffer.from((await call.next()) ?? []).toString()).toBe(text);
    }
    call.end();
    expect(await call.next()).toBeUndefined();
  });

  it("does not keep the process alive when no call is under way", async () => {
    const held = Promise.withResolvers<ServerHttp2Stream>();
    answer = held.resolve;
    const call = client.unary(METHOD, "question");
    const stream = await held.promise;
    const during = pipes();
    succeed(stream, "answer");
    await call;
    await expect.poll(pipes).toBe(during - 1);
    expect(sessions.size).toBe(1);
  });
});
