import type { AbortOptions } from "../../async/abort.ts";
import type { Waiter } from "../../async/waiting.ts";
import type { Flow } from "../../bandwidth/flow.ts";
import type { ConnectionSteps } from "../../progress/tracing.ts";
import type { TlsOptions } from "./tls-options.ts";

/** On whose behalf something is asked. */
export interface Asker extends AbortOptions {
  /**
   * Whoever asks holds something that it gives back while it waits, for a slow token server for instance, or tells so.
   * @defaultValue nothing is given back, and nobody is told
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
  /**
   * How fast bodies may come and go that are streamed: answers that are piped or poured, requests with a `StreamedBody`.
   * @hidden no door has what it takes
   */
  readonly flow?: Flow | undefined;
}

/** One HTTP request on its way through the wrappers (auth, redirect, throttle, retry) to the transport. */
export interface HttpRequest extends Asker {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent again from its start when a wrapper repeats the request. */
  readonly body?: string | Uint8Array | StreamedBody | undefined;
  /** The answer comes only when the server has stored all of an upload, which it is given more time for. Default false. */
  readonly storing?: boolean | undefined;
  /** Longest time until a connection stands, in milliseconds. Default: the transport's. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Whether a blob comes or goes with it, which may take long: such requests leave room for others. Default: a
   * streamed body does.
   */
  readonly bulk?: boolean | undefined;
  /**
   * The answer is short, and its bytes are checked by somebody who knows what they have to be: it may be asked for over a connection that
   * has another such answer to bring first. Default false.
   */
  readonly brief?: boolean | undefined;
  /**
   * Where the body of the answer is to be poured, if it is the one that is hoped for: then the connection is best where that is, in
   * another thread. `HERE` is in this one.
   */
  readonly place?: Place | undefined;
  /** Token scopes that the request needs, such as `repository:library/redis:pull`. */
  readonly scopes?: readonly string[];
  readonly tls?: TlsOptions | undefined;
  /** The body is a secret of the origin asked: a redirect to another one is not followed. */
  readonly confidential?: boolean | undefined;
  /**
   * Called when a connection for the request stands, before anything is sent over it, and told how that was made if no request was
   * sent over it before. Must not throw.
   */
  readonly onConnected?: ((connection?: ConnectionSteps) => void) | undefined;
  /**
   * What the endpoint asks for is looked up at its API root first, where nothing is known of that yet. For a request that is
   * needed in any case: with what the root says it goes out once. Default false: its own refusal tells.
   */
  readonly rootFirst?: boolean | undefined;
  /**
   * How many requests for blobs will follow at once when this one is answered: connections for them are opened meanwhile, as
   * soon as its own stands and as far as there is room. Default 0.
   */
  readonly followedBy?: number | undefined;
  /** The way to this URL was chosen by another origin: nothing of ours goes along, not even to our own endpoint. */
  readonly stranger?: boolean | undefined;
}

/** A place for bodies, in another thread for instance; what is more of it is known to the transport. */
export interface Place {
  /** Tells it from others. */
  readonly number: number;
}

/**
 * The place for bodies that are taken where they come, by somebody who needs no chunk for longer than the call takes that gives it, even
 * if that returns a promise.
 */
export const HERE: Place = { number: 0 };

/** A request body that is read while it is sent. The request must name its length in `content-length`. */
export interface StreamedBody {
  /** Size in bytes. */
  readonly lengthBytes: number;
  /**
   * The bytes from the start, exactly `lengthBytes` of them; called once for each time the request is sent. A chunk may be
   * overwritten once the next one is asked for. What this throws is what `Send` rejects with.
   */
  open(): AsyncIterable<Uint8Array>;
  /**
   * Called with how many of them are taken, when the next ones are asked for.
   * @defaultValue nobody is told
   * @example onTaken: (bytes) => console.log(bytes)
   */
  readonly onTaken?: ((bytes: number) => void) | undefined;
  /**
   * Called with what `open` or its chunks throw.
   * @defaultValue nobody is told
   * @example onFailure: (error) => console.log(error)
   */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** Whether the body of a request is one that is read while it is sent. */
export function isStreamed(body: HttpRequest["body"]): body is StreamedBody {
  return typeof body === "object" && "open" in body;
}

/** Takes body bytes in order. The chunk may be overwritten once the call returns, or its promise settles. */
export type ChunkSink = (chunk: Uint8Array) => void | Promise<void>;

/** An answer's body. Exactly one of the methods is called, exactly once; all of them end the use of the connection. */
export interface HttpBody {
  /**
   * Streams the whole body into `sink`, with back-pressure, in the coding in which it was sent. Rejects with a retryable
   * `ErrUnavailable` when the connection breaks, ends early against Content-Length, stays idle too long or is too slow; with the
   * sink's own error when that throws.
   */
  pipeTo(sink: ChunkSink): Promise<void>;
  /**
   * The same into the place that the request has named; `into` tells the place which bytes belong where, in a form that can be copied.
   * Rejects with errors of the place as well, which name no endpoint. Absent when the body does not come where the place is.
   */
  pour?(into: unknown): Promise<void>;
  /**
   * The body in memory, without its Content-Encoding. Throws `ErrOutOfRange` as soon as it is longer than `maxBytes`; the rest is
   * not read. Rejects with a retryable `ErrUnavailable` when it takes longer than a document may.
   */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** The first bytes of a body that only explains something: as many as come soon, at most `maxBytes`. Never rejects. */
  head(maxBytes: number): Promise<Uint8Array>;
  /** Gives the body up: read to its end when that is short, otherwise the connection is closed. */
  discard(): Promise<void>;
}

/** An answer, whatever its status. */
export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; repeated headers as a list. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Where the answer came from, after redirects. Not for messages: it may be signed. */
  readonly url: string;
  readonly body: HttpBody;
  /** What the request told the server and the server may repeat: texts that no message may show. */
  readonly secrets?: readonly string[] | undefined;
  /**
   * Says that the bytes were not what they have to be. Present where others were asked for over the same connection, with which the
   * server may have mixed them up: whoever asks again is answered over a connection of his own.
   */
  readonly doubt?: (() => void) | undefined;
  /** What people should know about this answer besides, in half a sentence. */
  readonly remark?: string;
}

/**
 * Sends a request and gives the answer once its headers are there, also when that is before all of a streamed body was
 * taken: then the rest is not read. Rejects with a retryable `ErrUnavailable` when no answer came, with `ErrCanceled` when
 * the signal fired; the signal stays in force while the body is read.
 */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/** The first value of a header. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === "string" || value === undefined ? value : value[0];
}
