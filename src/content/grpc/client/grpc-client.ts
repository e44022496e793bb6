import type { OutgoingHttpHeaders } from "node:http2";
import { type AbortOptions, anySignal, throwIfAborted } from "../../../async/abort.ts";
import { ErrCanceled, ErrFailedPrecondition, ErrInternal } from "../../../errors/classes.ts";
import { messageOf } from "../../../errors/message-of.ts";
import { type Address, authorityOf, formatAddress } from "../../../sockets/address.ts";
import { CONTENT_TYPE } from "../wire/content-type.ts";
import type { GrpcMethod } from "../wire/method.ts";
import { timeoutHeader } from "../wire/timeout-header.ts";
import { ClientCall } from "./client-call.ts";
import { Connection, type ConnectionOptions, type SessionLease } from "./connection.ts";
import { type RepeatOptions, repeating } from "./repeating.ts";

/** What a single call may be given. */
export interface CallOptions extends AbortOptions, RepeatOptions {
  /** Longest time for the call, in milliseconds, the connection included; unlimited by default. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A client of gRPC (gRPC over HTTP/2, without TLS and without compression) with one connection, made when it is needed. Methods
 * with one request are taken to be such that may be done twice, and are called again when the connection breaks before the first
 * response. Failures do not say which call of whom they are about: whoever makes it knows more of it.
 */
export class GrpcClient {
  readonly #address: Address;
  readonly #headers: () => OutgoingHttpHeaders;
  readonly #connection: Connection;
  readonly #calls = new Set<ClientCall>();
  #closed = false;

  /** @param headers gives what a call tells beside what gRPC needs; called for each */
  constructor(address: Address, headers: () => OutgoingHttpHeaders, options?: ConnectionOptions) {
    this.#address = address;
    this.#headers = headers;
    this.#connection = new Connection(address, options);
  }

  /** A call with one request and one response. Throws as `stream` does. */
  async unary<I, O>(method: GrpcMethod<I, O>, request: I, options: CallOptions = {}): Promise<O> {
    const limits = limitsOf(options);
    return await repeating(async () => {
      const responses: O[] = [];
      const { call, first } = await this.#begin(method.path, method.request.encode(request), limits);
      using _ = call;
      for (let message = first; message; message = await call.next()) responses.push(decode(method, message));
      const [response] = responses;
      if (responses.length === 1 && response !== undefined) return response;
      throw new ErrInternal(`got ${responses.length} responses, want 1`);
    }, options);
  }

  /**
   * A call with one request and many responses. Leaving the loop cancels it. Throws `CallFailure` for a call that ended with
   * another status than OK, `ErrUnavailable` when the service cannot be reached, `ErrInternal` for a response that is malformed,
   * `ErrFailedPrecondition` when the client is closed, and the abort error.
   */
  async *stream<I, O>(
    method: GrpcMethod<I, O>,
    request: I,
    options: CallOptions = {},
  ): AsyncGenerator<O, void, void> {
    const limits = limitsOf(options);
    const message = method.request.encode(request);
    const { call, first } = await repeating(() => this.#begin(method.path, message, limits), options);
    using _ = call;
    for (let next = first; next; next = await call.next()) yield decode(method, next);
  }

  /**
   * A call with requests and responses as they come. The caller disposes of it. The signal ends only the wait for the connection.
   * Throws as `stream` does.
   */
  async duplex<I, O>({ path }: GrpcMethod<I, O>, { signal }: AbortOptions = {}): Promise<ClientCall> {
    return this.#call(path, await this.#lease(signal));
  }

  /** Cancels what is under way and drops the connection. Closing twice is fine. */
  close(): void {
    this.#closed = true;
    const reason = this.#closedError();
    for (const call of this.#calls) call.cancel(reason);
    this.#connection.close();
  }

  /** A call with its request out and its first response in. */
  async #begin(path: string, request: Uint8Array, { signal, headers }: Limits): Promise<Begun> {
    const lease = await this.#lease(signal);
    return await this.#ask(this.#call(path, lease, headers), request, signal);
  }

  async #ask(call: ClientCall, request: Uint8Array, signal: AbortSignal | undefined): Promise<Begun> {
    try {
      if (signal) call.cancelOn(signal);
      call.send(request);
      call.end();
      return { call, first: await call.next() };
    } catch (error) {
      call[Symbol.dispose]();
      throw error;
    }
  }

  async #lease(signal: AbortSignal | undefined): Promise<SessionLease> {
    throwIfAborted(signal);
    if (this.#closed)
      throw new ErrFailedPrecondition(`cannot call ${formatAddress(this.#address)}: the client is closed`);
    try {
      return await this.#connection.acquire({ signal });
    } catch (error) {
      throw this.#closed ? this.#closedError() : error;
    }
  }

  #call(path: string, lease: SessionLease, headers: OutgoingHttpHeaders = {}): ClientCall {
    const call = new ClientCall(lease, {
      ...headersOf(path, this.#address),
      ...headers,
      ...this.#headers(),
    });
    this.#calls.add(call);
    call.onClose(() => this.#calls.delete(call));
    if (this.#closed) call.cancel(this.#closedError());
    return call;
  }

  #closedError(): ErrCanceled {
    return new ErrCanceled(`call ${formatAddress(this.#address)}: the client was closed`);
  }
}

interface Begun {
  readonly call: ClientCall;
  readonly first: Uint8Array | undefined;
}

function headersOf(path: string, address: Address): OutgoingHttpHeaders {
  return {
    ":method": "POST",
    ":authority": authorityOf(address),
    ":path": path,
    te: "trailers",
    "content-type": CONTENT_TYPE,
    "user-agent": "drayage",
  };
}

function decode<I, O>(method: GrpcMethod<I, O>, message: Uint8Array): O {
  try {
    return method.response.decode(message);
  } catch (cause) {
    throw new ErrInternal(`got a malformed response: ${messageOf(cause)}`, { cause });
  }
}

/** What bounds a call, however often it is made. */
interface Limits {
  readonly signal: AbortSignal | undefined;
  readonly headers: OutgoingHttpHeaders;
}

function limitsOf({ signal, timeoutMs }: CallOptions): Limits {
  if (timeoutMs === undefined) return { signal, headers: {} };
  return {
    signal: anySignal(signal, AbortSignal.timeout(timeoutMs)),
    headers: { "grpc-timeout": timeoutHeader(timeoutMs) },
  };
}
