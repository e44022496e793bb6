import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type DockerApiOptions, type DockerApiServer, serveDockerApi } from "../../../src/docker-api.ts";
import type { DistributionOptions } from "../../../src/index.ts";
import { type Engine, openEngine } from "../../distribution/support/engine.ts";

/** An answer, read to its end. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as JSON. */
  json(): unknown;
  /** The body as a stream of JSON messages. */
  messages(): readonly ApiMessage[];
}

/** A message of a stream, or an event. */
export type ApiMessage = Readonly<Record<string, unknown>>;

/** What is asked beside method and path. */
export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Buffer | string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An engine with its API, and a client of it. */
export interface Api extends AsyncDisposable {
  readonly engine: Engine;
  readonly server: DockerApiServer;
  readonly socket: string;
  /** Asks `METHOD path`, and reads the answer to its end. */
  ask(line: string, options?: AskOptions): Promise<ApiAnswer>;
  /** The same for answers that do not end. */
  open(line: string, options?: AskOptions): Promise<IncomingMessage>;
}

/** Serves a new engine on a socket of its own. */
export async function openApi(
  options: Partial<DockerApiOptions> = {},
  engineOptions: Partial<DistributionOptions> = {},
): Promise<Api> {
  const folder = await mkdtemp(join(tmpdir(), "drayage-api-"));
  const engine = await openEngine(engineOptions);
  const socket = join(folder, "docker.sock");
  const server = await serveDockerApi({ distribution: engine, address: `unix://${socket}`, ...options });
  const open: Api["open"] = async (line, { headers, body, signal } = {}) => {
    const [method = "", path = ""] = line.split(" ");
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = request({ socketPath: socket, method, path, headers, signal, agent: false }, resolve);
    sent.once("error", reject).end(body);
    return await promise;
  };
  return {
    engine,
    server,
    socket,
    open,
    async ask(line, asked) {
      const answer = await open(line, asked);
      const body = await buffer(answer);
      return {
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        body,
        json: () => JSON.parse(body.toString()),
        messages: () => messagesIn(body.toString()),
      };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Messages in a text, one a line. */
export function messagesIn(text: string): readonly ApiMessage[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ApiMessage);
}
