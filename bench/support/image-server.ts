import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { digestOf, type ServedImage } from "./image.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** How a registry answers. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** What registries of a process were asked. */
export interface Asked {
  /** Requests by method and path. */
  readonly asked: Readonly<Record<string, number>>;
  /** Most connections at the same time, over all registries. */
  readonly mostSockets: number;
}

/**
 * The registries of a program of its own, so that they do not share the engine's event loop. All serve the same images out of memory,
 * each as it is told.
 */
export class ImageServer {
  readonly #manifests = new Map<string, Buffer>();
  readonly #blobs = new Map<string, Buffer>();
  #asked: Record<string, number> = {};
  #sockets = 0;
  #mostSockets = 0;

  constructor(images: readonly ServedImage[]) {
    for (const { repository, tag, manifest, blobs } of images) {
      this.#manifests.set(`${repository}:${tag}`, manifest);
      this.#manifests.set(digestOf(manifest), manifest);
      for (const [digest, bytes] of blobs) this.#blobs.set(digest, bytes);
    }
  }

  /** The blob that a request asks for, if it asks for one. */
  blobOf({ method, url = "" }: IncomingMessage): Buffer | undefined {
    return method === "GET" ? this.#blobs.get(url.slice(url.lastIndexOf("/") + 1)) : undefined;
  }

  /** Counts a request under this name. */
  count(name: string): void {
    this.#asked[name] = (this.#asked[name] ?? 0) + 1;
  }

  /** Answers as a registry without faults does. */
  readonly honest: Handle = (request, response) => {
    const { method = "", url = "" } = request;
    const path = new URL(url, "http://bench").pathname;
    this.count(`${method} ${path}`);
    const [, repository = "", kind = "", name = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (kind === "blobs") {
      // Digests of blobs are known, so that this process hashes nothing while it is measured.
      const sent = { body: this.#blobs.get(name), mediaType: "application/octet-stream", digest: name };
      return send(request, response, sent);
    }
    const body = this.#manifests.get(`${repository}:${name}`) ?? this.#manifests.get(name);
    return send(request, response, { body, mediaType: MANIFEST, digest: digestOf(body ?? "") });
  };

  /** Starts a registry on a free port; gives its `host:port`. */
  async listen(handle: Handle): Promise<string> {
    const server = createServer((request, response) => {
      request.resume();
      handle(request, response);
    });
    server.on("connection", (socket) => {
      this.#mostSockets = Math.max(this.#mostSockets, ++this.#sockets);
      socket.on("close", () => this.#sockets--);
    });
    await new Promise<void>((resolve) =>
      server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, resolve),
    );
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Tells its hosts, then for each line of the input what was asked since the line before, all as JSON. Ends with the input. */
  async serve(hosts: Readonly<Record<string, string>>): Promise<never> {
    process.stdout.write(`${JSON.stringify(hosts)}\n`);
    for await (const _ of createInterface(process.stdin)) {
      process.stdout.write(`${JSON.stringify({ asked: this.#asked, mostSockets: this.#mostSockets })}\n`);
      this.#asked = {};
      this.#mostSockets = this.#sockets;
    }
    return process.exit(0);
  }
}

interface Sent {
  readonly body: Buffer | undefined;
  readonly mediaType: string;
  readonly digest: string;
}

function send(request: IncomingMessage, response: ServerResponse, { body, mediaType, digest }: Sent): void {
  if (!body) {
    response.writeHead(404).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const from = Number(range?.[1] ?? 0);
  const end = Math.min(body.length, Number(range?.[2] || body.length - 1) + 1);
  response.writeHead(range ? 206 : 200, {
    "content-type": mediaType,
    "content-length": end - from,
    "docker-content-digest": digest,
    ...(range && { "content-range": `bytes ${from}-${end - 1}/${body.length}` }),
  });
  response.end(request.method === "HEAD" ? undefined : body.subarray(from, end));
}
