import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import { ErrNotImplemented } from "../../../errors/classes.ts";
import { plainly } from "../wire/plainly.ts";
import { refusal } from "./call-headers.ts";
import { callStatus } from "./call-status.ts";
import { ServerCall } from "./server-call.ts";

/** Bytes that a client may send on one stream before anybody has read them: one message of the usual size. */
const WINDOW_BYTES = 1_048_576;

/** Calls of one connection at a time; those beyond wait at the client. A daemon has one connection for everything it does. */
const MAX_STREAMS = 1_024;

/** Memory of one connection, in megabytes: every stream may have a window full of bytes in each direction. */
const MAX_CONNECTION_MB = 2 * MAX_STREAMS;

/**
 * Streams that a client may reset, in all at once and per second. Go's client resets a `Read` as soon as it has the bytes
 * it asked for, mostly before the status arrives, and asks for 32 KiB at a time: these are several GiB per second. Node's
 * own limit of 1,000 and 33 per second, meant against floods, would end the connection in the middle of a layer.
 */
const RESETS = { streamResetBurst: 100_000, streamResetRate: 100_000 } satisfies ServerOptions;

/** Answers one call: with exactly one status, whatever happens. Must not throw. */
export type CallHandler = (call: ServerCall) => void;

/** A gRPC server (gRPC over HTTP/2, without TLS and without compression) for a fixed set of methods. */
export class GrpcServer {
  /** What listens; the owner makes it do so. */
  readonly listener: Http2Server;
  readonly #handlers: ReadonlyMap<string, CallHandler>;
  readonly #sessions = new Set<ServerHttp2Session>();

  /** @param handlers by path, such as `/package.Service/Method` */
  constructor(handlers: ReadonlyMap<string, CallHandler>) {
    this.#handlers = handlers;
    this.listener = createServer({
      ...RESETS,
      noDelay: true,
      maxSessionMemory: MAX_CONNECTION_MB,
      settings: { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: MAX_STREAMS },
    } as ServerOptions);
    this.listener.on("session", (session) => this.#welcome(session));
    this.listener.on("stream", (stream, headers) => this.#serve(stream, headers));
    this.listener.on("sessionError", () => {}); // the connection is gone, and its calls have heard of it
  }

  /** Takes no more connections and calls; resolves when those that are there have ended. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.listener.close(resolve));
    for (const session of this.#sessions) session.close();
    await closed;
  }

  /** Drops all connections. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #welcome(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const status = refusal(headers);
    if (status !== undefined) {
      stream.on("error", () => {}); // there is nobody to tell
      stream.respond({ ":status": status }, { endStream: true });
      return;
    }
    const call = new ServerCall(stream, headers);
    const handler = this.#handlers.get(call.path);
    if (handler) handler(call);
    else call.fail(callStatus(plainly(new ErrNotImplemented(`unknown method ${call.path}`))));
  }
}
