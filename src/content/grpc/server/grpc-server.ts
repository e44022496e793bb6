import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import { ErrNotImplemented } from "../../../errors/classes.ts";
import { MessageRoom } from "../wire/message-room.ts";
import { plainly } from "../wire/plainly.ts";
import { refusal } from "./call-headers.ts";
import { type CallHandler, CallLine } from "./call-line.ts";
import { callStatus } from "./call-status.ts";
import { firstValues } from "./first-values.ts";
import { ServerCall } from "./server-call.ts";
import { type PeerWatchOptions, watchPeer } from "./watch-peer.ts";

/**
 * Bytes that a client may send on one stream before anybody has read them. A message larger than that comes as there is
 * room for it, see `MessageRoom`.
 */
const WINDOW_BYTES = 65_536;

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

/**
 * Handlers of one connection whose calls are over, as when they were cancelled. Go's client leaves one behind for a
 * moment after most of its reads; a client that leaves more than these is made to wait.
 */
const MAX_ABANDONED = 64;

/** How often a client on TCP is asked for a sign of life, and how long it may take to answer, in milliseconds. */
const PEER_WATCH: PeerWatchOptions = { intervalMs: 30_000, answerMs: 20_000 };

/** A gRPC server (gRPC over HTTP/2, without TLS and without compression) for a fixed set of methods. */
export class GrpcServer {
  /** What listens; the owner makes it do so. */
  readonly listener: Http2Server;
  readonly #handlers: ReadonlyMap<string, CallHandler>;
  readonly #peerWatch: PeerWatchOptions;
  readonly #room = new MessageRoom();
  readonly #lines = new Map<ServerHttp2Session, CallLine>();

  /** @param handlers by path, such as `/package.Service/Method` */
  constructor(handlers: ReadonlyMap<string, CallHandler>, peerWatch: PeerWatchOptions = PEER_WATCH) {
    this.#handlers = handlers;
    this.#peerWatch = peerWatch;
    this.listener = createServer({
      ...RESETS,
      noDelay: true,
      maxSessionMemory: MAX_CONNECTION_MB,
      settings: { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: MAX_STREAMS },
    } as ServerOptions);
    this.listener.on("session", (session) => this.#welcome(session));
    this.listener.on("stream", (stream, _headers, _flags, rawHeaders) => {
      this.#serve(stream, firstValues(rawHeaders));
    });
    this.listener.on("sessionError", () => {}); // the connection is gone, and its calls have heard of it
  }

  /** Takes no more connections and calls; resolves when those that are there have ended. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.listener.close(resolve));
    for (const session of this.#lines.keys()) session.close();
    await closed;
  }

  /** Ends all calls for this reason. */
  stop(reason: Error): void {
    for (const line of this.#lines.values()) line.cancel(reason);
  }

  /** Drops all connections. */
  destroy(): void {
    for (const session of this.#lines.keys()) session.destroy();
  }

  #welcome(session: ServerHttp2Session): void {
    this.#lines.set(session, new CallLine({ maxHandlers: MAX_STREAMS, maxAbandoned: MAX_ABANDONED }));
    session.once("close", () => this.#lines.delete(session));
    // The kernel tells at once of the end of a process on the same machine, which may be stopped for as long as it likes.
    if (session.socket.remoteAddress !== undefined) watchPeer(session, this.#peerWatch);
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const status = refusal(headers);
    if (status !== undefined) {
      stream.on("error", () => {}); // there is nobody to tell
      stream.respond({ ":status": status }, { endStream: true });
      return;
    }
    const call = new ServerCall(stream, headers, this.#room);
    const handler = this.#handlers.get(call.path);
    const line = stream.session && this.#lines.get(stream.session as ServerHttp2Session);
    if (handler && line) line.enter(call, handler);
    else call.fail(callStatus(plainly(new ErrNotImplemented(`unknown method ${call.path}`))));
  }
}
