import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { listen, type Stranger } from "./servers.ts";

/** What a server answers instead of what it should. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry of version 1 written from its specification, which knows nothing of ours. */
export interface V1Server extends Stranger {
  /** All that clients have sent: request lines and headers. */
  readonly received: () => string;
  /** Ids from the top of the image down. */
  readonly ids: readonly string[];
}

/** What it serves, and what it says in an own way. */
export interface V1ServerOptions {
  /** Layers from the base up. */
  readonly layers: readonly Uint8Array[];
  /** Answers by path; `*` in one stands for the id of the top image. */
  readonly answers?: Readonly<Record<string, Answer>>;
  /** Fields of the document of the top image. */
  readonly top?: Readonly<Record<string, unknown>>;
  /** A field of all documents. */
  readonly comment?: string;
  /** Headers of the document of the top image. */
  readonly topHeaders?: Readonly<Record<string, string>>;
}

/** An answer with JSON. */
export function says(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
  };
}

/** Serves one image as `team/app:1`. */
export async function v1Server({
  layers,
  answers = {},
  top = {},
  topHeaders = {},
  comment,
}: V1ServerOptions): Promise<V1Server> {
  const ids = layers
    .map((layer) => createHash("sha256").update(layer).update("v1").digest("hex"))
    .toReversed();
  const routes = new Map<string, Answer>([
    ["/v1/_ping", says({})],
    ["/v1/repositories/team/app/images", says(ids.map((id) => ({ id })))],
    ["/v1/repositories/team/app/tags", says({ 1: ids[0] })],
    ["/v1/repositories/team/app/tags/1", says(ids[0])],
  ]);
  for (const [at, id] of ids.entries()) {
    const layer = layers.at(-1 - at) ?? Buffer.alloc(0);
    const document = {
      id,
      ...(ids[at + 1] !== undefined && { parent: ids[at + 1] }),
      os: "linux",
      architecture: "amd64",
      comment,
    };
    routes.set(`/v1/images/${id}/ancestry`, says(ids.slice(at)));
    const isTop = at === 0;
    const headers = { "x-docker-size": String(layer.byteLength), ...(isTop && topHeaders) };
    routes.set(`/v1/images/${id}/json`, says({ ...document, ...(isTop && top) }, headers));
    routes.set(`/v1/images/${id}/layer`, (_, response) => void response.writeHead(200).end(layer));
  }
  for (const [path, answer] of Object.entries(answers)) routes.set(path.replace("*", ids[0] ?? ""), answer);

  const seen: string[] = [];
  let received = "";
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const answer = routes.get(request.url ?? "");
    if (answer) answer(request, response);
    else response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not here"}');
  });
  server.on("connection", (socket: Socket) => {
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    socket.on("error", () => {});
  });
  return { ...(await listen(server, seen)), received: () => received, ids };
}
