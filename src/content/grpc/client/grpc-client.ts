import type { OutgoingHttpHeaders } from "node:http2";
import { type AbortOptions, anySignal, throwIfAborted } from "../../../async/abort.ts";
import { ErrCanceled, ErrFailedPrecondition, ErrInternal } from "../../../errors/classes.ts";
import { messageOf } from "../../../errors/message-of.ts";
import { type Address, authorityOf, formatAddress } from "../address.ts";
import { CONTENT_TYPE } from "../wire/content-type.ts";
import type { GrpcMethod } from "../wire/method.ts";
import { timeoutHeader } from "../wire/timeout-header.ts";
import { CallFailure } from "./call-failure.ts";
import { ClientCall } from "./client-call.ts";
import { Connection, type SessionLease } from "./connection.ts";

/** How often a call is made that the service refuses without having looked at it, as one does that is closing. */
const MAX_ATTEMPTS = 3;

/** What a single call may be given. */
export interface CallOptions extends AbortOptions {
  /** Longest time for the call, in milliseconds, the connection included; unlimited by default. */
  readonly timeoutMs?: number | undefined;
}

/** A client of gRPC (gRPC over HTTP/2, without TLS and without compression) with one connection, made when it is needed. */
export class GrpcClient {
  readonly #address: Address;
  readonly #headers: OutgoingHttpHeaders;
  readonly #connection: Connection;
  readonly #calls = new Set<ClientCall>();
  #closed = false;

  /** @param headers what every call tells beside what gRPC needs */
  constructor(address: Address, headers: OutgoingHttpHeaders) {
    this.#address = address;
    this.#headers = headers;
    this.#connection = new Connection(address);
  }

  /** A call with one request and one response. Throws as `stream` does. */
  async unary<I, O>(method: GrpcMethod<I, O>, request: I, options: CallOptions = {}): Promise<O> {
    const responses: O[] = [];
    for await (const response of this.stream(method, request, options)) responses.push(response);
    const [response] = responses;
    if (responses.length === 1 && response !== undefined) return response;
    throw new ErrInternal(`call ${method.path}: got ${responses.length} responses, want 1`);
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
    const { call, first } = await this.#begin(method.path, method.request.encode(request), options);
    using _ = call;
    for (let message = first; message; message = await call.next()) yield decode(method, message);
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

  /** A call with its request out and its first response in: until then it can be made again. */
  async #begin(path: string, request: Uint8Array, { signal: given, timeoutMs }: CallOptions): Promise<Begun> {
    const signal = withTimeout(given, timeoutMs);
    const timeout = timeoutMs === undefined ? {} : { "grpc-timeout": timeoutHeader(timeoutMs) };
    for (let attempt = 1; ; attempt++) {
      const lease = await this.#lease(signal);
      try {
        return await this.#ask(this.#call(path, lease, timeout), request, signal);
      } catch (error) {
        const isRefused = error instanceof CallFailure && error.refused;
        if (!isRefused || attempt === MAX_ATTEMPTS) throw error;
      }
    }
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
      ...this.#headers,
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
    const reason = messageOf(cause);
    throw new ErrInternal(`call ${method.path}: got a malformed response: ${reason}`, { cause });
  }
}

function withTimeout(signal: AbortSignal | undefined, ms: number | undefined): AbortSignal | undefined {
  return ms === undefined ? signal : anySignal(signal, AbortSignal.timeout(ms));
}
