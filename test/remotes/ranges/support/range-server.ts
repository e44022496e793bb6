import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { httpServer, type ScriptedServer } from "../../../registry/support/raw-server.ts";

/** What a request asked for. */
export interface AskedRange {
  /** In the order in which they came. */
  readonly number: number;
  readonly from: number;
  /** Position behind the last byte; `undefined`: to the end. */
  readonly to: number | undefined;
  readonly request: IncomingMessage;
}

/** Answers a request in its own way; `false`: it is to be answered as usual. */
export type Script = (asked: AskedRange, response: ServerResponse) => boolean | Promise<boolean>;

const CHUNK_BYTES = 16 * 1024;

/**
 * A server of one blob, by ranges. The answer to a request for everything stops after a quarter until so many parts are asked for, as if its
 * connection were slow. The second one is asked for when the first one was taken.
 */
export class RangeServer implements AsyncDisposable {
  readonly asked: AskedRange[] = [];
  /** Bytes of bodies that were sent. */
  sentBytes = 0;
  readonly #bytes: Buffer;
  readonly #script: Script;
  readonly #waitsFor: number;
  readonly #parted = Promise.withResolvers<void>();
  readonly #server: Promise<ScriptedServer>;
  origin = "";

  private constructor(bytes: Buffer, script: Script, waitsFor: number) {
    this.#bytes = bytes;
    this.#script = script;
    this.#waitsFor = waitsFor;
    this.#server = httpServer((request, response) => void this.#take(request, response));
  }

  static async start(
    bytes: Buffer,
    script: Script = () => false,
    { waitsFor = 1 }: { readonly waitsFor?: number } = {},
  ): Promise<RangeServer> {
    const server = new RangeServer(bytes, script, waitsFor);
    server.origin = (await server.#server).origin;
    return server;
  }

  /** Those of the requests that asked for a part. */
  get parts(): readonly AskedRange[] {
    return this.asked.filter(({ to }) => to !== undefined);
  }

  /** Sends bytes as the body of an answer, as long as somebody takes them. */
  async send(response: ServerResponse, bytes: Buffer): Promise<void> {
    const gone = closed(response);
    for (let at = 0; at < bytes.length && !response.destroyed; at += CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + CHUNK_BYTES);
      this.sentBytes += chunk.length;
      if (!response.write(chunk)) await Promise.race([drained(response), gone]);
      await setImmediate();
    }
  }

  /** The headers of a part. */
  head(response: ServerResponse, from: number, to: number): void {
    const { length } = this.#bytes;
    response.writeHead(206, {
      "content-length": to - from,
      "content-range": `bytes ${from}-${to - 1}/${length}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parted.resolve();
    await (await this.#server)[Symbol.asyncDispose]();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {}); // the client may hang up first
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const asked = {
      number: this.asked.length,
      from: Number(first ?? 0),
      to: last ? Number(last) + 1 : undefined,
      request,
    };
    this.asked.push(asked);
    if (this.parts.length >= this.#waitsFor) this.#parted.resolve();
    if (await this.#script(asked, response)) return;
    await this.#serve(asked, response);
  }

  async #serve({ from, to = this.#bytes.length }: AskedRange, response: ServerResponse): Promise<void> {
    const isAll = to === this.#bytes.length && from === 0;
    if (isAll) response.writeHead(200, { "content-length": to });
    else this.head(response, from, to);
    const quarter = Math.floor((to - from) / 4);
    if (isAll && this.#waitsFor > 0) {
      await this.send(response, this.#bytes.subarray(0, quarter));
      await Promise.race([this.#parted.promise, closed(response)]);
      await this.send(response, this.#bytes.subarray(quarter));
    } else {
      await this.send(response, this.#bytes.subarray(from, to));
    }
    if (!response.destroyed) response.end();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once("drain", () => resolve()));
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.once("close", () => resolve());
  });
}
