import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { httpServer, type ScriptedServer } from "./raw-server.ts";

/** How it loses bytes. */
export interface LossyOptions {
  /** Of a chunk it keeps no more than so many bytes, and says so. Default: all. */
  readonly keepBytes?: number;
  /** Does not say what it has after a chunk, only when it is asked. */
  readonly silent?: boolean;
}

/**
 * A registry for a single upload that keeps a request's bytes only when it had all of them, as those do which write a chunk
 * to an object store at its end.
 */
export class LossyRegistry implements AsyncDisposable {
  /** Digests of the blobs that were finished. */
  readonly finished: string[] = [];
  /** Each request that was answered: method, status, `Content-Range`. */
  readonly log: string[] = [];
  readonly #server: ScriptedServer;
  readonly #options: LossyOptions;
  #kept: Buffer[] = [];

  private constructor(server: ScriptedServer, options: LossyOptions) {
    this.#server = server;
    this.#options = options;
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
    const { method = "", headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Buffer));
    const status = this.#take(request, Buffer.concat(chunks));
    this.log.push([method, status, headers["content-range"] ?? []].flat().join(" "));
    response.setHeader("location", "/v2/upload");
    if (method === "GET" || !this.#options.silent) {
      response.setHeader("range", `0-${Math.max(0, this.#size() - 1)}`);
    }
    response.writeHead(status).end();
  }

  #take({ method = "", url = "", headers }: IncomingMessage, body: Buffer): number {
    if (method === "GET" || method === "DELETE") return 204;
    if (method === "POST") this.#kept = [];
    const [start] = headers["content-range"]?.split("-") ?? [];
    if (start !== undefined && Number(start) !== this.#size()) return 416;
    this.#kept.push(method === "PATCH" ? body.subarray(0, this.#options.keepBytes) : body);
    if (method !== "PUT") return 202;
    const digest = `sha256:${createHash("sha256").update(Buffer.concat(this.#kept)).digest("hex")}`;
    if (new URL(url, this.url).searchParams.get("digest") !== digest) return 400;
    this.finished.push(digest);
    return 201;
  }

  #size(): number {
    return this.#kept.reduce((size, { length }) => size + length, 0);
  }
}
