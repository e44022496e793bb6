/**
 * The registries of the bench, in a process of their own so that they do not share the engine's event loop. Prints their hosts as
 * JSON, and on each line of its input what was asked since the line before. Ends with its input.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { digestOf } from "./image.ts";
import { BROKEN_LAYER, CROWD_TOKEN, images } from "./scene.ts";

/** Manifests by name and by digest. */
const manifests = new Map<string, Buffer>();
const blobs = new Map<string, Buffer>();
for (const image of images()) {
  manifests.set(`${image.repository}:${image.tag}`, image.manifest);
  manifests.set(digestOf(image.manifest), image.manifest);
  for (const [digest, bytes] of image.blobs) blobs.set(digest, bytes);
}

/** What was asked: requests by method and path, and the most connections at once. */
let asked: Record<string, number> = {};
let sockets = 0;
let mostSockets = 0;

function honest(request: IncomingMessage, response: ServerResponse): void {
  const { method = "", url = "" } = request;
  const path = new URL(url, "http://bench").pathname;
  asked[`${method} ${path}`] = (asked[`${method} ${path}`] ?? 0) + 1;
  const [, repository = "", kind = "", name = ""] =
    /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
  if (kind === "blobs") {
    const [body, mediaType] = [blobs.get(name), "application/octet-stream"];
    send(request, response, { body, mediaType, digest: name });
    return;
  }
  const body = manifests.get(`${repository}:${name}`) ?? manifests.get(name);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  send(request, response, { body, mediaType, digest: digestOf(body ?? "") });
}

/** What is sent; digests of blobs are known, so that this process hashes nothing while it is measured. */
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
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(from === 0 ? 200 : 206, {
    "content-type": mediaType,
    "content-length": body.length - from,
    "docker-content-digest": digest,
    ...(from > 0 && { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` }),
  });
  response.end(request.method === "HEAD" ? undefined : body.subarray(from));
}

/** One layer breaks in the middle, always, and never gets further. */
function broken(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== "GET" || !request.url?.endsWith(BROKEN_LAYER)) {
    honest(request, response);
    return;
  }
  asked["GET broken"] = (asked["GET broken"] ?? 0) + 1;
  response.writeHead(500).end();
}

function busy(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(429, { "retry-after": "30" }).end();
}

/** Sends half of a blob and then nothing, as long as somebody listens. */
function stuck(request: IncomingMessage, response: ServerResponse): void {
  const blob = blobs.get(request.url?.split("/").at(-1) ?? "");
  if (request.method !== "GET" || !blob) {
    honest(request, response);
    return;
  }
  asked["GET stuck"] = (asked["GET stuck"] ?? 0) + 1;
  response.writeHead(200, { "content-length": blob.length });
  response.write(blob.subarray(0, blob.length >> 1));
}

/** Wants a token for everything, as registries do. */
function guarded(request: IncomingMessage, response: ServerResponse): void {
  const host = request.headers.host ?? "";
  if (request.url?.startsWith("/token")) {
    asked["GET token"] = (asked["GET token"] ?? 0) + 1;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token: CROWD_TOKEN, expires_in: 300 }));
  } else if (request.headers.authorization === `Bearer ${CROWD_TOKEN}`) honest(request, response);
  else {
    const challenge = `Bearer realm="http://${host}/token",service="bench"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  }
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer((request, response) => {
    request.resume();
    handle(request, response);
  });
  server.on("connection", (socket) => {
    mostSockets = Math.max(mostSockets, ++sockets);
    socket.on("close", () => sockets--);
  });
  await new Promise<void>((resolve) =>
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, resolve),
  );
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const hosts = {
  healthy: await listen(honest),
  broken: await listen(broken),
  busy: await listen(busy),
  stuck: await listen(stuck),
  guarded: await listen(guarded),
};
process.stdout.write(`${JSON.stringify(hosts)}\n`);
for await (const _ of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify({ asked, mostSockets })}\n`);
  asked = {};
  mostSockets = sockets;
}
process.exit(0);
