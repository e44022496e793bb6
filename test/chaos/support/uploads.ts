import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { sha256 } from "./world.ts";

/** What was pushed to a registry: by repository, complete blobs and documents, and tags. */
export class PushedContent {
  readonly blobs = new Map<string, Buffer>();
  readonly documents = new Map<string, { readonly mediaType: string; readonly bytes: Buffer }>();
  readonly tags = new Map<string, string>();
  readonly #sessions = new Map<string, Buffer>();
  #lastSession = 0;

  /** Answers a request that writes; `false` when it is none of ours. */
  async handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
    const { method } = request;
    if (method === "PUT" && url.pathname.includes("/manifests/")) {
      await this.#putDocument(request, response, url);
      return true;
    }
    if (!url.pathname.includes("/blobs/uploads/")) return false;
    const id = url.pathname.split("/").at(-1) ?? "";
    if (method === "POST") this.#open(response, url);
    else if (!this.#sessions.has(id)) response.writeHead(404).end();
    else if (method === "DELETE") {
      this.#sessions.delete(id);
      response.writeHead(204).end();
    } else if (method === "GET") this.#progress(response, url, { id, status: 204 });
    else await this.#append(request, response, { url, id });
    return true;
  }

  #open(response: ServerResponse, url: URL): void {
    const id = `session-${++this.#lastSession}`;
    this.#sessions.set(id, Buffer.alloc(0));
    const path = url.pathname.replace(/[^/]*$/, id);
    response.writeHead(202, { location: path, range: "0-0" }).end();
  }

  async #append(
    request: IncomingMessage,
    response: ServerResponse,
    { url, id }: { readonly url: URL; readonly id: string },
  ): Promise<void> {
    const chunk = await buffer(request);
    const bytes = Buffer.concat([this.#sessions.get(id) ?? Buffer.alloc(0), chunk]);
    const start = /^(\d+)-/.exec(request.headers["content-range"] ?? "")?.[1];
    if (start !== undefined && Number(start) !== bytes.length - chunk.length) {
      this.#progress(response, url, { id, status: 416 });
      return;
    }
    this.#sessions.set(id, bytes);
    if (request.method === "PATCH") {
      this.#progress(response, url, { id, status: 202 });
      return;
    }
    const digest = url.searchParams.get("digest") ?? "";
    if (sha256(bytes) !== digest) {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ errors: [{ code: "DIGEST_INVALID", message: "provided digest did not match" }] }),
      );
      return;
    }
    this.#sessions.delete(id);
    this.blobs.set(digest, bytes);
    response
      .writeHead(201, {
        location: url.pathname.replace(/uploads\/.*/, digest),
        "docker-content-digest": digest,
      })
      .end();
  }

  #progress(
    response: ServerResponse,
    url: URL,
    { id, status }: { readonly id: string; readonly status: number },
  ): void {
    const length = this.#sessions.get(id)?.length ?? 0;
    response.writeHead(status, { location: url.pathname, range: `0-${Math.max(0, length - 1)}` }).end();
  }

  async #putDocument(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const bytes = await buffer(request);
    const digest = sha256(bytes);
    const [, repository = "", reference = ""] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url.pathname) ?? [];
    this.documents.set(digest, { mediaType: request.headers["content-type"] ?? "", bytes });
    if (!reference.startsWith("sha256:")) this.tags.set(`${repository}:${reference}`, digest);
    response.writeHead(201, { location: url.pathname, "docker-content-digest": digest }).end();
  }
}
