import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/async/clock.ts";
import type { Flow } from "../../../src/bandwidth/flow.ts";
import type { Carrier } from "../../../src/registry/transport/carrier.ts";
import { connectionLimits } from "../../../src/registry/transport/connection-options.ts";
import { Connector, type ConnectTarget } from "../../../src/registry/transport/connector.ts";
import { directRoutes } from "../../../src/registry/transport/routes.ts";
import {
  READING_BESIDE_OTHERS,
  type Reading,
  readingAlone,
} from "../../../src/registry/transport/socket-feed.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { inIdleTime } from "../../async/idle-time.ts";
import { httpServer, httpsServer, rawServer, type ScriptedServer } from "../support/raw-server.ts";

type Framing = "length" | "chunked" | "close" | "truncated" | "reset";
type Pace = "sync" | "async" | "mixed" | "abort";

interface Scenario {
  readonly framing: Framing;
  readonly pace: Pace;
  readonly byteCount: number;
  readonly pieceBytes: number;
  readonly seed: number;
  /** Whether no more than so many bytes pass at once. */
  readonly isLimited: boolean;
}

/** Lets the next bytes pass in the turn of the event loop after the one in which it is asked. */
const LIMIT: Flow = {
  open(tap) {
    tap.meter();
    return { ask: () => void setImmediate().then(() => tap.grant(50_000)), close: () => {} };
  },
};

const CA = readFileSync(new URL("../../fixtures/tls/ca.pem", import.meta.url), "utf8");
const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");

/** Bytes in which every position is different from its neighbours, so that any overwritten chunk changes the digest. */
const POOL = Buffer.alloc(1_100_000);
for (let i = 0, state = 1; i < POOL.length; i++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  POOL[i] = state >>> 16;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const contentOf = ({ seed, byteCount }: Scenario): Buffer => POOL.subarray(seed, seed + byteCount);

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  framing: fc.constantFrom("length", "chunked", "close", "truncated", "reset"),
  pace: fc.constantFrom("sync", "async", "mixed", "abort"),
  byteCount: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 1_000_000 })),
  pieceBytes: fc.integer({ min: 1_000, max: 200_000 }),
  seed: fc.integer({ min: 0, max: 100_000 }),
  isLimited: fc.boolean(),
});

function parse(url: string): Scenario {
  return JSON.parse(new URL(url, "http://x").searchParams.get("s") ?? "") as Scenario;
}

function listener(request: IncomingMessage, response: ServerResponse): void {
  const scenario = parse(request.url ?? "");
  const content = contentOf(scenario);
  const broken = scenario.framing === "truncated" || scenario.framing === "reset";
  if (scenario.framing === "length" || broken) response.setHeader("content-length", content.length);
  if (scenario.framing === "close") {
    response.useChunkedEncodingByDefault = false;
    response.setHeader("connection", "close");
    response.removeHeader("transfer-encoding");
  }
  const sent = broken ? content.subarray(0, Math.floor(content.length / 2)) : content;
  for (let at = 0; at < sent.length; at += scenario.pieceBytes) {
    response.write(sent.subarray(at, at + scenario.pieceBytes));
  }
  if (scenario.framing === "truncated") response.socket?.end();
  else if (scenario.framing === "reset") response.socket?.destroy();
  else response.end();
}

/** Copies only after waits that let the socket move on meanwhile: this is what back-pressure has to protect. */
async function keepLater(chunk: Uint8Array, chunks: Buffer[], turn: number): Promise<void> {
  if (turn % 3 !== 0) await setImmediate();
  if (turn % 5 === 0) await setImmediate();
  chunks.push(Buffer.from(chunk));
}

interface Outcome {
  readonly failed: boolean;
  readonly received: Buffer;
}

/** The same where a chunk is nobody's any more when the call has returned. */
async function keepNow(chunk: Uint8Array, chunks: Buffer[], turn: number): Promise<void> {
  chunks.push(Buffer.from(chunk));
  if (turn % 3 !== 0) await setImmediate();
  if (turn % 5 === 0) await setImmediate();
}

const SHARED = [
  { how: "into shared memory", open: () => reading(readingAlone()), keep: keepNow },
  { how: "into shared memory, past the parser", open: () => reading(readingAlone(0)), keep: keepNow },
];

const PAST_THE_PARSER: Reading = { ...READING_BESIDE_OTHERS, directBytes: 0 };

/** Requests over sockets that are read in one way or another. */
function reading(how: Reading): Pick<Transport, "send" | "close"> {
  const routeOf = directRoutes({ authorities: [] }, connectionLimits({}), how);
  const carriers: Carrier[] = [];
  return {
    async send(request) {
      const url = new URL(request.url);
      const carrier = routeOf(url, request).connect(() => {});
      carriers.push(carrier);
      const context = { url, clock: systemClock, onOutcome: () => {}, onOver: () => {} };
      return await carrier.begin(request, context).response;
    },
    async close() {
      await Promise.all(carriers.map((carrier) => carrier.destroy(new Error("closed"))));
    },
  };
}

async function run(
  send: Transport["send"],
  server: ScriptedServer,
  { keep, ...scenario }: Scenario & { readonly keep: typeof keepLater },
): Promise<Outcome> {
  const aborter = new AbortController();
  const chunks: Buffer[] = [];
  let turn = 0;
  try {
    const url = `${server.origin}/?s=${encodeURIComponent(JSON.stringify(scenario))}`;
    const flow = scenario.isLimited ? LIMIT : undefined;
    const response = await send({ method: "GET", url, flow, signal: aborter.signal, tls: { ca: [CA] } });
    await response.body.pipeTo((chunk) => {
      turn++;
      if (scenario.pace === "abort" && turn === 2) aborter.abort();
      const atOnce = scenario.pace === "sync" || (scenario.pace === "mixed" && turn % 2 === 0);
      return atOnce ? void chunks.push(Buffer.from(chunk)) : keep(chunk, chunks, turn);
    });
    return { failed: false, received: Buffer.concat(chunks) };
  } catch {
    return { failed: true, received: Buffer.concat(chunks) };
  }
}

function check(scenario: Scenario, { failed, received }: Outcome): void {
  const content = contentOf(scenario);
  // Whatever came is a true prefix, however it ended.
  expect(sha256(received)).toBe(sha256(content.subarray(0, received.length)));
  if (!failed) expect(received.length).toBe(content.length);
  const whole =
    scenario.framing === "length" || scenario.framing === "chunked" || scenario.framing === "close";
  if (whole && scenario.pace !== "abort") expect(failed).toBe(false);
  if (!whole) expect(failed).toBe(true);
}

describe.each([{ scheme: "http" }, { scheme: "https" }])("Connector over $scheme", ({ scheme }) => {
  let server: ScriptedServer;
  beforeAll(async () => {
    const tls = { cert: pem("server.pem"), key: pem("server.key") };
    server = scheme === "http" ? await httpServer(listener) : await httpsServer(tls, listener);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    { how: "into one buffer", open: () => createTransport({ reuseBuffers: true }), keep: keepLater },
    { how: "as Node.js does", open: () => createTransport({ reuseBuffers: false }), keep: keepLater },
    { how: "past the parser", open: () => reading(PAST_THE_PARSER), keep: keepLater },
    ...(scheme === "http" ? SHARED : []), // records of TLS never lie there
  ])(
    "gives every byte in order in 400 mixed answers, eight at a time, read $how",
    async ({ open, keep }) => {
      const rounds = fc.array(scenarios, { minLength: 8, maxLength: 8 });
      const property = fc.asyncProperty(rounds, async (round) => {
        const transport = open();
        const outcomes = await Promise.all(
          round.map((scenario) => run(transport.send, server, { ...scenario, keep })),
        );
        await transport.close();
        for (const [i, scenario] of round.entries()) check(scenario, outcomes[i] as Outcome);
      });
      await fc.assert(property, { numRuns: 50 });
    },
    120_000,
  );
});

const targetOf = (origin: string): ConnectTarget => {
  const { protocol, hostname, port } = new URL(origin);
  return { secure: protocol === "https:", hostname, port: Number(port) };
};

describe("Connector.open()", () => {
  const connector = new Connector({
    secureContext: () => createSecureContext(),
    rejectUnauthorized: true,
    reading: READING_BESIDE_OTHERS,
  });
  it("knows its sockets until they are closed, and forgets them with their buffers", async () => {
    await using server = await httpServer(() => {});
    const sockets = new Set<Socket>();
    const socket = await connector.open(targetOf(server.origin), { timeoutMs: 30_000, sockets });
    expect([...sockets]).toEqual([socket]);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy();
    await closed;
    expect(sockets.size).toBe(0);
  });

  it("gives up a TLS handshake that nobody answers, and closes the socket", async () => {
    await using server = await rawServer((socket) => void socket.resume());
    const sockets = new Set<Socket>();
    const target = { ...targetOf(server.origin), secure: true };
    const opened = inIdleTime(() => connector.open(target, { timeoutMs: 30_000, sockets }));
    await expect(opened).rejects.toMatchObject({ code: "DRAYAGE_TLS_SILENT" });
    while (server.sockets.size > 0 || sockets.size > 0) await setImmediate();
  });
});
