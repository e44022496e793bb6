import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { httpServer, type ScriptedServer } from "./raw-server.ts";

/** How it loses bytes. */
export interface LossyOptions {
  /** Of a chunk it keeps no more than so many bytes, and says so. Default: all. */
  readonly keepBytes?: number;
}

/**
 * A registry for a single upload that keeps a request's bytes only when it had all of them, as those do which write a chunk
 * to an object store at its end.
 */
export class LossyRegistry implements AsyncDisposable {
  /** Digests of the blobs that were finished. */
  readonly finished: string[] = [];
  /** Each `Content-Range`, in order. */
  readonly ranges: string[] = [];
  readonly #server: ScriptedServer;
  readonly #keepBytes: number;
  #kept: Buffer[] = [];

  private constructor(server: ScriptedServer, { keepBytes = Number.POSITIVE_INFINITY }: LossyOptions) {
    this.#server = server;
    this.#keepBytes = keepBytes;
  }

  static async start(options: LossyOptions = {}): Promise<LossyRegistry> {
    const server = await httpServer((request, response) => {
      registry.#answer(request, response).catch(() => response.destroy());
    });
    const registry = new LossyRegistry(server, options);
    return registry;
  }

  get url(): string {
    return this.#server.origin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    if (method === "POST") this.#kept = [];
    const range = headers["content-range"];
    if (range !== undefined) this.ranges.push(range);
    if (range !== undefined && Number(range.split("-")[0]) !== this.#size()) {
      response.writeHead(416).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Buffer));
    const last = method === "PUT";
    this.#kept.push(Buffer.concat(chunks).subarray(0, last ? undefined : this.#keepBytes));
    const digest = `sha256:${createHash("sha256").update(Buffer.concat(this.#kept)).digest("hex")}`;
    const matches = new URL(url, this.url).searchParams.get("digest") === digest;
    if (last && matches) this.finished.push(digest);
    response.setHeader("location", "/v2/upload");
    response.setHeader("range", `0-${Math.max(0, this.#size() - 1)}`);
    response.writeHead(statusOf(method, matches)).end();
  }

  #size(): number {
    return this.#kept.reduce((size, { length }) => size + length, 0);
  }
}

function statusOf(method: string, matches: boolean): number {
  if (method === "PUT") return matches ? 201 : 400;
  return method === "GET" || method === "DELETE" ? 204 : 202;
}
