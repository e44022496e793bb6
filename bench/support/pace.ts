import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How often something is sent, in milliseconds. */
const PULSE_MS = 4;

/** What a connection that could send nothing for a while may make up for, in seconds: whoever sends is not always given the time to. */
const CATCH_UP_SECONDS = 0.1;

/** What may wait for a client, in bytes: who does not take more is not sent more. */
const AHEAD_BYTES = 1024 * 1024;

/** What has to have gone over a connection for it to count, in bytes. */
const LARGE_BYTES = 1024 * 1024;

/** How fast something is sent, in bytes per second. */
export interface PaceOptions {
  /** Over each connection. */
  readonly each: number;
  /** Over all of them together; default: no limit. */
  readonly all?: number | undefined;
  /** The connection, of those that have carried `afterBytes`, counted from 0, that is at another rate from then on. */
  readonly slow?:
    | { readonly number: number; readonly rate: number; readonly afterBytes?: number }
    | undefined;
}

/** What went over the connections. */
export interface PaceReport {
  /** Those over which more than a megabyte went. */
  readonly connections: number;
  /** Bytes of bodies. */
  readonly sentBytes: number;
  /** For how long the slow connection has been open since it is slow, in seconds; 0: there was none. */
  readonly slowSeconds: number;
}

interface Line {
  rate: number;
  sentBytes: number;
  allowedBytes: number;
  atMs: number;
}

/** Sends bodies as a server does that limits each of its connections, and as a line does that limits all of them. */
export class Pace {
  readonly #options: PaceOptions;
  readonly #lines = new WeakMap<Socket, Line>();
  readonly #all = { allowedBytes: 0, atMs: performance.now() };
  #large = 0;
  #candidates = 0;
  #sentBytes = 0;
  #slow: { readonly sinceMs: number; untilMs: number | undefined } | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** What has been since the last report. */
  report(): PaceReport {
    const [connections, sentBytes, slow] = [this.#large, this.#sentBytes, this.#slow];
    this.#large = 0;
    this.#candidates = 0;
    this.#sentBytes = 0;
    this.#slow = undefined;
    const slowSeconds = slow ? ((slow.untilMs ?? performance.now()) - slow.sinceMs) / 1_000 : 0;
    return { connections, sentBytes, slowSeconds };
  }

  /** Sends a body to its end, or as far as somebody takes it. */
  async send(pieces: Iterable<Buffer>, response: ServerResponse): Promise<void> {
    const { socket } = response;
    if (!socket) return;
    const line = this.#lines.get(socket) ?? this.#open(socket);
    line.allowedBytes = 0;
    line.atMs = performance.now(); // what was not used is lost
    for (const piece of pieces) {
      for (let rest = piece; rest.length > 0; ) {
        await sleep(PULSE_MS);
        if (response.destroyed) return;
        const now = rest.subarray(0, this.#grant(line, response));
        if (now.length > 0) response.write(now);
        this.#sent(line, now.length, socket);
        rest = rest.subarray(now.length);
      }
    }
    response.end();
  }

  #open(socket: Socket): Line {
    const line = { rate: this.#options.each, sentBytes: 0, allowedBytes: 0, atMs: 0 };
    this.#lines.set(socket, line);
    if (this.#options.slow?.afterBytes === 0) this.#slowDown(line, socket);
    return line;
  }

  /** Bytes that may be sent now. */
  #grant(line: Line, response: ServerResponse): number {
    refill(line, line.rate);
    const { all } = this.#options;
    if (response.writableLength >= AHEAD_BYTES) return 0;
    if (all === undefined) return Math.floor(line.allowedBytes);
    refill(this.#all, all);
    return Math.floor(Math.min(line.allowedBytes, this.#all.allowedBytes));
  }

  #sent(line: Line, bytes: number, socket: Socket): void {
    const before = line.sentBytes;
    line.allowedBytes -= bytes;
    this.#all.allowedBytes -= bytes;
    line.sentBytes += bytes;
    this.#sentBytes += bytes;
    const passes = (mark: number): boolean => before < mark && line.sentBytes >= mark;
    if (passes(LARGE_BYTES)) this.#large++;
    if (passes(this.#options.slow?.afterBytes ?? LARGE_BYTES)) this.#slowDown(line, socket);
  }

  #slowDown(line: Line, socket: Socket): void {
    const { slow } = this.#options;
    if (!slow || this.#candidates++ !== slow.number) return;
    line.rate = slow.rate;
    const times: { sinceMs: number; untilMs: number | undefined } = {
      sinceMs: performance.now(),
      untilMs: undefined,
    };
    this.#slow = times;
    socket.once("close", () => {
      times.untilMs = performance.now();
    });
  }
}

function refill(line: { allowedBytes: number; atMs: number }, rate: number): void {
  const nowMs = performance.now();
  const most = Math.max(1, rate * CATCH_UP_SECONDS);
  line.allowedBytes = Math.min(line.allowedBytes + (rate * (nowMs - line.atMs)) / 1_000, most);
  line.atMs = nowMs;
}
