import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { ErrInternal, ErrUnavailable } from "../../errors/classes.ts";
import type { ConnectionSteps } from "../../progress/tracing.ts";
import { type AnswerStart, MAX_RESPONSE_HEADER_BYTES, watchAnswers } from "./answer-start.ts";
import { stepsOf } from "./connection-steps.ts";
import { MAX_PIPELINED } from "./pipelining.ts";
import { feedOf, type SocketFeed } from "./socket-feed.ts";
import { Client } from "./undici.ts";

/** Longest time that an unused connection is kept when the server names none; servers close theirs from 5 s on. */
export const IDLE_SOCKET_TIMEOUT_MS = 4_000;

/** Longest time that it is kept, whatever the server offers. */
export const MAX_IDLE_SOCKET_TIMEOUT_MS = 60_000;

/** Opens the socket of a connection; every socket on the way is in `sockets` until it is closed. */
export type OpenSocket = (sockets: Set<Socket>) => Promise<Socket>;

/** What a connection is for. */
export interface ConnectionParts {
  /** Scheme, host and port that requests are sent to: the server's, or a proxy's. */
  readonly origin: string;
  readonly open: OpenSocket;
  /** Called when the socket has closed, at whatever time. */
  readonly onClosed: (connection: Connection) => void;
}

/** What those are told whose requests were written, and not answered when the connection closed. */
const CLOSED = "connection closed before it came to the answer";

/** What a request finds when it is written. */
interface RequestStart {
  readonly fresh: boolean;
  readonly isBehind: boolean;
  readonly steps: ConnectionSteps | undefined;
}

/** Told when the answer to a request is the next that the connection has to bring. */
type OnTurn = () => void;

/**
 * One connection. Requests that are sent over it before others are answered get their answers in that order. It connects for its first
 * request, and again when it has closed before another one was written.
 */
export class Connection {
  /** Where requests are dispatched. */
  readonly client: Client;
  readonly #parts: ConnectionParts;
  readonly #sockets = new Set<Socket>();
  /** A socket that was opened before its first request. */
  #prepared: Promise<Socket> | undefined;
  #socket: Socket | undefined;
  #answers: AnswerStart | undefined;
  /** How the socket was made; gone when the first request is told. */
  #steps: ConnectionSteps | undefined;
  #failure: Error | undefined;
  #requests = 0;
  /** Requests that were written, in the order of their answers. */
  readonly #line: OnTurn[] = [];
  #refusal: Error | undefined;
  #isCut = false;
  #isOver = false;
  #isBroken = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.client = new Client(parts.origin, {
      allowH2: false,
      pipelining: MAX_PIPELINED,
      connect: (_target, callback) => void this.#connect(callback),
      headersTimeout: 0, // exchange and body have clocks of their own, which nothing but progress starts anew
      bodyTimeout: 0,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
      keepAliveTimeout: IDLE_SOCKET_TIMEOUT_MS,
      keepAliveMaxTimeout: MAX_IDLE_SOCKET_TIMEOUT_MS,
    });
    this.client.on("disconnect", () => {
      this.#isBroken ||= !this.#isCut;
      parts.onClosed(this);
    });
  }

  /**
   * Opens the socket before there is a request to send. One that cannot be opened, or that nobody has used within
   * `IDLE_SOCKET_TIMEOUT_MS`, counts as closed.
   */
  prepare(): void {
    const { open, onClosed } = this.#parts;
    const prepared = open(this.#sockets);
    this.#prepared = prepared;
    const closed = (): void => {
      if (this.#prepared === prepared) onClosed(this);
    };
    const watch = (socket: Socket): void => {
      const timer = setTimeout(closed, IDLE_SOCKET_TIMEOUT_MS).unref();
      socket.once("close", () => {
        clearTimeout(timer);
        closed();
      });
    };
    void prepared.then(watch, closed);
  }

  /** Whether another request could be sent over the socket as it stands. */
  get isOpen(): boolean {
    return this.#socket?.destroyed === false;
  }

  /**
   * What went wrong with the socket first, if anything. TLS tells why the other side has broken off before the end of the
   * socket comes; undici remembers the end alone.
   */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** What its socket is read by, if that is a buffer of ours. */
  get feed(): SocketFeed | undefined {
    return this.#socket && feedOf(this.#socket);
  }

  /**
   * A request is about to be written. Whether its socket was opened for it, and how, if it is the first one there; and whether others are
   * answered before it: then `onTurn` is called when they are.
   */
  requestStarts(onTurn: OnTurn): RequestStart {
    const isBehind = this.#line.push(onTurn) > 1;
    if (!isBehind) this.#answers?.begin();
    this.#requests++;
    const steps = this.#steps;
    this.#steps = undefined;
    return { fresh: this.#requests === 1, isBehind, steps };
  }

  /** The answer to a request, by what it was started with, is complete, or will not come. */
  requestEnds(onTurn: OnTurn): void {
    const at = this.#line.indexOf(onTurn);
    if (at < 0) return;
    this.#line.splice(at, 1);
    if (at === 0) this.#line[0]?.();
  }

  /** Whether more than one request is under way. */
  get isShared(): boolean {
    return this.#line.length > 1;
  }

  /** Whether we have closed it, with whatever was under way. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** With what requests fail that are lost with others that were before them. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** Whether the request that is under way has got any byte of an answer. */
  get answered(): boolean {
    return this.#answers?.begun === true;
  }

  /** Closes the socket, also one that does not stand yet, and fails what is under way with `reason`. */
  async destroy(reason: Error): Promise<void> {
    if (this.#socket?.destroyed) this.#isBroken ||= !this.#isCut;
    this.#isCut = !this.#isBroken;
    this.#isOver = true;
    await Promise.resolve(); // undici tells of one failure, and must be done with that before its client is gone
    if (this.#line.length === 0) this.#destroySockets(); // nobody hears why, and Node would format the stack of that
    const destroyed = this.client.destroy(reason);
    this.#destroySockets();
    await destroyed;
  }

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #connect(callback: buildConnector.Callback): Promise<void> {
    try {
      if (this.#isOver || this.#line.length > 0) throw this.#refuse();
      const prepared = this.#prepared;
      this.#prepared = undefined;
      const socket = await (prepared ?? this.#parts.open(this.#sockets));
      this.#attach(socket);
      if (prepared) this.#requests = 1; // it may have been closed meanwhile, like one that was used before
      callback(null, socket);
    } catch (error) {
      callback(error instanceof Error ? error : new ErrInternal(String(error)), null);
    }
  }

  /** What was written, and what waits behind it, is not sent again over another socket. */
  #refuse(): Error {
    this.#refusal = new ErrUnavailable(CLOSED);
    return this.#refusal;
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    this.#steps = stepsOf(socket);
    this.#isBroken = false;
    this.#failure = undefined;
    socket.once("error", (error: Error) => {
      this.#failure = error;
    });
    this.#requests = 0;
    const isHttp2 = "alpnProtocol" in socket && socket.alpnProtocol === "h2";
    this.#answers = isHttp2 ? undefined : watchAnswers(socket);
  }
}
