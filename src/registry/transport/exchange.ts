import type { Dispatcher } from "undici";
import { abortError } from "../../async/abort.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { DrayageError } from "../../errors/drayage-error.ts";
import type { HttpRequest, HttpResponse } from "../http/send.ts";
import { IncomingBody } from "./incoming-body.ts";
import { networkError } from "./network-error.ts";
import { OutgoingBody } from "./outgoing-body.ts";

/** Statuses whose answers have no body, whatever their headers say (RFC 9110, section 6.4.1). */
const BODILESS_STATUSES = new Set([204, 304]);

/** Where a request goes, and how patient it is. */
export interface ExchangeOptions {
  /** Origin of the request, for errors. */
  readonly origin: string;
  /** Longest time that the server may take nothing of a streamed body. */
  readonly bodyIdleTimeoutMs: number;
}

/**
 * One request and its answer, as undici's handler. The signal is in force from construction until the body has ended: it
 * takes the connection down at once, also while the request still waits for one.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** The answer, once its headers are there. */
  readonly response: Promise<HttpResponse>;
  /** The request's body in the form that undici takes. */
  readonly body: string | Uint8Array | OutgoingBody | null;
  readonly #outgoing: OutgoingBody | undefined;
  readonly #request: HttpRequest;
  readonly #origin: string;
  readonly #answer = Promise.withResolvers<HttpResponse>();
  readonly #onAbort = (): void => this.#abort();
  #controller: Dispatcher.DispatchController | undefined;
  #body: IncomingBody | undefined;

  constructor(request: HttpRequest, { origin, bodyIdleTimeoutMs }: ExchangeOptions) {
    this.#request = request;
    this.#origin = origin;
    this.response = this.#answer.promise;
    const { body = null } = request;
    if (body !== null && typeof body === "object" && "open" in body) {
      const onIdle = (): void => this.#takesNothing();
      this.#outgoing = new OutgoingBody(body, { idleTimeoutMs: bodyIdleTimeoutMs, onIdle });
      this.body = this.#outgoing;
    } else {
      this.body = body;
    }
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const { signal } = this.#request;
    if (signal?.aborted) controller.abort(abortError(signal));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return; // "100 Continue", "103 Early Hints": the answer itself follows
    this.#outgoing?.answered();
    const bodiless = this.#request.method === "HEAD" || BODILESS_STATUSES.has(status);
    this.#body = new IncomingBody(controller, {
      expectedBytes: bodiless ? undefined : lengthOf(headers["content-length"]),
      endpoint: this.#origin,
      asError: (error, progress) => this.#asError(error, progress),
    });
    this.#answer.resolve({ status, headers, url: this.#request.url, body: this.#body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    this.#finish();
    // undici takes the connection back in the next turn of the loop; told earlier, a reader whose next request follows at
    // once would make it open another one.
    queueMicrotask(() => setImmediate(() => this.#body?.complete()));
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#finish();
    const { failure } = this.#outgoing ?? {};
    this.#answer.reject(failure ? failure.error : this.#asError(error, this.#outgoing?.progress));
    this.#body?.fail(error);
  }

  #takesNothing(): void {
    const message = `${this.#request.method} ${this.#origin}: no data taken in time: ${this.#outgoing?.progress}`;
    const error = new ErrUnavailable(message, { endpoint: this.#origin, retryable: true });
    this.#controller?.abort(error);
  }

  #abort(): void {
    const { signal } = this.#request;
    if (!signal) return;
    const error = abortError(signal);
    if (this.#controller) this.#controller.abort(error);
    else this.#answer.reject(error); // still waits for a connection: `onRequestStart` ends it
  }

  #finish(): void {
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    this.#outgoing?.finish();
  }

  #asError(error: unknown, progress?: string): DrayageError {
    const action = `${this.#request.method} ${this.#origin}`;
    return networkError(error, { action, endpoint: this.#origin, progress });
  }
}

function lengthOf(header: string | string[] | undefined): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  return text === undefined ? undefined : Number(text);
}
