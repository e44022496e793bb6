import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bandwidth } from "../../../src/bandwidth/bandwidth.ts";
import type { Flow } from "../../../src/bandwidth/flow.ts";
import { Payers } from "../../../src/bandwidth/payers.ts";
import { ErrCanceled, ErrUnavailable } from "../../../src/errors/classes.ts";
import type { ConnectionOptions } from "../../../src/registry/transport/connection-options.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { quiet } from "../../async/idle-time.ts";
import { ManualClock } from "../../xfer/manual-clock.ts";
import { httpServer, type ScriptedServer } from "../support/raw-server.ts";
import { TestBlob } from "../support/test-blob.ts";

const BYTES = 1_000_000;
const RATE = 100_000;

const turns = async (count = 50): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await setImmediate();
};

function whole(response: ServerResponse): void {
  response.writeHead(200, { "content-length": BYTES });
  response.end(Buffer.alloc(BYTES, "x"));
}

describe("a body with a limit", () => {
  let clock: ManualClock;
  let bandwidth: Bandwidth;
  const open: Array<() => PromiseLike<unknown>> = [];
  beforeEach(() => {
    clock = new ManualClock();
    bandwidth = new Bandwidth({ all: RATE }, clock);
  });
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });

  const flow = (direction: "down" | "up" = "down"): Flow =>
    bandwidth.flow({ direction, host: "registry.example", payers: new Payers() });

  const transportWith = (options: ConnectionOptions = {}): Transport => {
    const transport = createTransport(options);
    open.push(() => transport.close());
    return transport;
  };

  async function serve(answer: (response: ServerResponse) => void): Promise<ScriptedServer> {
    const server = await httpServer((request, response) => {
      request.resume();
      answer(response);
    });
    open.push(() => server[Symbol.asyncDispose]());
    return server;
  }

  /** Asks for the body and counts what comes of it. */
  async function begin(url: string, { transport = transportWith(), signal }: Asked = {}) {
    const { body } = await transport.send({ method: "GET", url, flow: flow(), signal });
    const got = { bytes: 0 };
    const piped = body.pipeTo((chunk) => {
      got.bytes += chunk.length;
    });
    piped.catch(() => {});
    return { piped, got };
  }
  interface Asked {
    readonly transport?: Transport;
    readonly signal?: AbortSignal;
  }

  /** Lets fake time go on, and the network after each step of it. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      await quiet();
      await clock.advance(50);
    }
    await quiet();
  }

  it("comes as fast as it may, however fast the server sends it", async () => {
    const { origin } = await serve(whole);
    const { piped, got } = await begin(origin);
    await pass(5_000);
    expect(got.bytes).toBeGreaterThan(0.9 * 5 * RATE);
    expect(got.bytes).toBeLessThanOrEqual(5.2 * RATE);
    bandwidth.set({ all: "off" });
    await piped;
    expect(got.bytes).toBe(BYTES);
  });

  it("is not too slow by itself: neither silence nor a low rate counts that is our own doing", async () => {
    const { origin } = await serve(whole);
    const transport = transportWith({ bodyIdleTimeoutMs: 30, minBytesPerSecond: 1_000 }); // of ours: 1
    bandwidth.set({ all: 1 });
    const { piped, got } = await begin(origin, { transport });
    const idle = Promise.withResolvers<void>();
    setTimeout(idle.resolve, 100);
    await idle.promise; // several times as long as the connection may be silent
    expect(got.bytes).toBeLessThan(10);
    bandwidth.set({ all: 0 });
    await piped;
    expect(got.bytes).toBe(BYTES);
  });

  it("ends at once when nobody wants it, also when all of it is here already", async () => {
    const { origin } = await serve((response) => {
      response.writeHead(200, { connection: "close", "content-length": 1_000 });
      response.end(Buffer.alloc(1_000));
    });
    bandwidth.set({ all: 1 });
    const controller = new AbortController();
    const { piped } = await begin(origin, { signal: controller.signal });
    await turns();
    controller.abort();
    await expect(piped).rejects.toBeInstanceOf(ErrCanceled);
    expect(clock.sleeping).toBeLessThanOrEqual(1);
  });

  it("gives all that has come before it breaks, in its time", async () => {
    const { origin } = await serve((response) => {
      response.writeHead(200, { "content-length": BYTES });
      response.write(Buffer.alloc(50_000), () => response.destroy());
    });
    const { piped, got } = await begin(origin);
    await turns();
    expect(got.bytes).toBeLessThan(50_000);
    await pass(2_000);
    await expect(piped).rejects.toBeInstanceOf(ErrUnavailable);
    expect(got.bytes).toBe(50_000);
  });

  it("leaves documents and refusals alone", async () => {
    const { origin } = await serve(whole);
    bandwidth.set({ all: 1 });
    const transport = transportWith();
    const document = await transport.send({ method: "GET", url: origin, flow: flow() });
    expect(await document.body.bytes(BYTES)).toHaveLength(BYTES);
    const refusal = await transport.send({ method: "GET", url: origin, flow: flow() });
    expect(await refusal.body.head(100)).toHaveLength(100);
  });

  it("goes up as fast as it may", async () => {
    let received = 0;
    const server = await httpServer((request, response) => {
      request.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on("end", () => response.end());
    });
    open.push(() => server[Symbol.asyncDispose]());
    const blob = new TestBlob(BYTES);
    const sent = transportWith().send({
      method: "PUT",
      url: server.origin,
      headers: { "content-length": String(BYTES) },
      body: { lengthBytes: BYTES, open: () => blob.read(0) },
      flow: flow("up"),
    });
    await pass(5_000);
    expect(received).toBeGreaterThan(0.9 * 5 * RATE);
    expect(received).toBeLessThanOrEqual(5.2 * RATE);
    bandwidth.set({ all: { up: 0 } });
    await (await sent).body.discard();
    expect(received).toBe(BYTES);
  });

  it("goes up no further when nobody wants it", async () => {
    const server = await httpServer((request) => void request.resume());
    open.push(() => server[Symbol.asyncDispose]());
    bandwidth.set({ all: 1 });
    const blob = new TestBlob(BYTES);
    const controller = new AbortController();
    const sent = transportWith().send({
      method: "PUT",
      url: server.origin,
      headers: { "content-length": String(BYTES) },
      body: { lengthBytes: BYTES, open: () => blob.read(0) },
      flow: flow("up"),
      signal: controller.signal,
    });
    const settled = expect(sent).rejects.toBeInstanceOf(ErrCanceled);
    while (server.sockets.size === 0) await setImmediate();
    await turns();
    controller.abort();
    await settled;
    for (const socket of server.sockets) socket.on("error", () => {}).resume(); // one that is paused sees no end
    while (server.sockets.size > 0) await setImmediate();
    expect(blob.openReaders).toBe(0);
  });
});
