import type { Dispatcher } from "undici";
import { abortError } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { DrayageError } from "../../errors/drayage-error.ts";
import { HERE, type HttpRequest, type HttpResponse, isStreamed } from "../http/send.ts";
import { isBodiless, lengthOf } from "./body-length.ts";
import type { Begun } from "./carrier.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionLimits } from "./connection-options.ts";
import { type BodyControl, DirectBody } from "./direct-body.ts";
import type { Outcome } from "./host-budget.ts";
import { IncomingBody } from "./incoming-body.ts";
import { networkError } from "./network-error.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { errors } from "./undici.ts";

/**
 * How long a request that was sent behind others is waited for when these are answered, in milliseconds: servers answer it at once, as it
 * was there before, or have never taken notice of it.
 */
export const TURN_PATIENCE_MS = 3_000;

/** What carries a request, and how patient it is. */
export interface ExchangeOptions {
  /** Origin of the request, for errors. */
  readonly origin: string;
  readonly connection: Connection;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  /** Told how busy the host seems, at most twice: when the answer begins, and when the connection breaks. */
  readonly onOutcome: (outcome: Omit<Outcome, "full">) => void;
  /** Called once, when nothing more will come: whether the connection may serve another request. */
  readonly onOver: (reusable: boolean) => void;
}

/** Codes of a connection that the other side had closed before it saw the request. */
const CLOSED_CODES: ReadonlySet<unknown> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/**
 * One request and its answer, as undici's handler. The signal is in force from construction until the body has ended: it
 * takes the connection down at once, also while that is not yet there.
 */
export class Exchange implements Dispatcher.DispatchHandler, Begun {
  /** The answer, once its headers are there. */
  readonly response: Promise<HttpResponse>;
  /** The request's body in the form that undici takes. */
  readonly body: string | Uint8Array | OutgoingBody | null;
  readonly #outgoing: OutgoingBody | undefined;
  readonly #request: HttpRequest;
  readonly #options: ExchangeOptions;
  readonly #answer = Promise.withResolvers<HttpResponse>();
  readonly #onAbort = (): void => this.#abort();
  readonly #onTurn = (): void => this.#comesToItsTurn();
  #controller: Dispatcher.DispatchController | undefined;
  #headersTimer: NodeJS.Timeout | undefined;
  #body: IncomingBody | undefined;
  #direct: DirectBody | undefined;
  #fresh = true;
  #isBehind = false;
  #isShared = false;
  /** Whether those before it are answered. */
  #hasTurn = true;
  #lost: Begun["lost"];
  /** Why nobody waits for the answer any more, although it will come. */
  #abandoned: Error | undefined;
  #sentAtMs = 0;
  #stale = false;
  #isOver = false;

  constructor(request: HttpRequest, options: ExchangeOptions) {
    this.#request = request;
    this.#options = options;
    this.response = this.#answer.promise;
    const { body } = request;
    if (isStreamed(body)) {
      this.#outgoing = new OutgoingBody(body, {
        idleTimeoutMs: options.limits.bodyIdleTimeoutMs,
        onIdle: () => this.#takesNothing(),
        onGiven: () => this.#awaitHeaders(),
        flow: request.flow,
      });
      this.body = this.#outgoing;
    } else {
      this.body = body ?? null;
    }
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Whether the request failed on a used connection before any byte of an answer: the server may never have seen it. */
  get stale(): boolean {
    return this.#stale;
  }

  get isShared(): boolean {
    return this.#isShared;
  }

  get lost(): Begun["lost"] {
    return this.#lost;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const { fresh, isBehind, steps } = this.#options.connection.requestStarts(this.#onTurn);
    this.#fresh = fresh;
    this.#isBehind = isBehind;
    this.#hasTurn = !isBehind;
    this.#request.onConnected?.(steps);
    if (isBehind) this.#sentAtMs = this.#options.clock.elapsed();
    else if (!this.#outgoing) this.#awaitHeaders();
  }

  #comesToItsTurn(): void {
    this.#hasTurn = true;
    this.#headersTimer = setTimeout(() => {
      this.#lost = "by host";
      this.#controller?.abort(new errors.HeadersTimeoutError());
    }, TURN_PATIENCE_MS);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return; // an upgrade that nobody asked for; undici refuses it
    clearTimeout(this.#headersTimer);
    this.#isShared = this.#isBehind || this.#options.connection.isShared;
    this.#outgoing?.answered();
    this.#options.onOutcome({ status, sentAtMs: this.#sentAtMs });
    const expectedBytes = isBodiless(this.#request, status) ? undefined : lengthOf(headers);
    const { feed } = this.#options.connection;
    const isAtOnce = this.#request.place === HERE;
    feed?.takenAtOnce(isAtOnce);
    const isDirect = headers["transfer-encoding"] === undefined;
    this.#direct = isDirect ? this.#directly(controller, expectedBytes) : undefined;
    this.#body = new IncomingBody(this.#direct ?? controller, {
      expectedBytes,
      endpoint: this.#options.origin,
      contentEncoding: headers["content-encoding"],
      limits: this.#options.limits,
      isFleeting: isAtOnce ? undefined : (chunk) => feed?.isShared(chunk) === true,
      flow: this.#request.flow,
      signal: this.#request.signal,
      asError: (error, progress) => this.#asError(error, progress),
    });
    if (this.#abandoned) void this.#body.discard();
    else this.#answer.resolve({ status, headers, url: this.#request.url, body: this.#body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.push(chunk);
  }

  onResponseEnd(): void {
    this.#finish();
    // undici is done with the connection in the next turn of the loop; a reader that is told earlier would send its next
    // request before it is known whether the socket stays.
    queueMicrotask(() =>
      setImmediate(() => {
        this.#options.onOver(true);
        this.#body?.complete();
      }),
    );
  }

  onResponseError(_controller: unknown, reported: Error): void {
    this.#direct?.flush();
    if (this.#isOver) return; // its body is complete, and it was held up so that nothing more comes
    this.#finish();
    const { connection, onOver, onOutcome } = this.#options;
    const error = isEnd(reported) ? (connection.failure ?? reported) : reported;
    this.#lost ??= this.#lossOf(reported);
    const isStale = !this.#fresh && !connection.answered && isReset(error);
    this.#stale = isStale && !this.#lost;
    const isBroken = this.#controller !== undefined && !this.#stale && !this.#lost && isReset(error);
    if (isBroken) onOutcome({ status: undefined, sentAtMs: this.#sentAtMs });
    onOver(false);
    const { failure } = this.#outgoing ?? {};
    this.#answer.reject(failure ? failure.error : this.#asError(error, this.#outgoing?.progress));
    this.#body?.fail(error);
  }

  /** Whether the request goes with its connection and not by a fault of its own. */
  #lossOf(error: Error): Begun["lost"] {
    const { connection } = this.#options;
    const { brief = false, signal } = this.#request;
    if (!brief || this.#body || signal?.aborted) return undefined;
    if (connection.isCut) return "with others";
    if (!this.#isBehind && error !== connection.refusal) return undefined;
    return connection.answered ? "by host" : "with others"; // a connection that was dead before is no fault of sharing it
  }

  #directly(controller: BodyControl, byteCount: number | undefined): DirectBody | undefined {
    const { feed } = this.#options.connection;
    if (!feed || byteCount === undefined || !(byteCount > feed.directBytes)) return undefined;
    return new DirectBody({
      feed,
      controller,
      byteCount,
      onChunk: (chunk) => this.#body?.push(chunk),
      onEnd: () => this.#directEnd(),
    });
  }

  #directEnd(): void {
    this.#isOver = true;
    this.#finish();
    setImmediate(() => {
      this.#options.onOver(false);
      this.#body?.complete();
    });
  }

  #awaitHeaders(): void {
    this.#sentAtMs = this.#options.clock.elapsed();
    const { headersTimeoutMs, storeTimeoutMs } = this.#options.limits;
    const onLate = (): void => this.#controller?.abort(new errors.HeadersTimeoutError());
    this.#headersTimer = setTimeout(onLate, this.#request.storing ? storeTimeoutMs : headersTimeoutMs);
  }

  #takesNothing(): void {
    const { origin } = this.#options;
    const message = `${this.#request.method} ${origin}: no data taken in time: ${this.#outgoing?.progress}`;
    this.#controller?.abort(new ErrUnavailable(message, { endpoint: origin, retryable: true }));
  }

  #abort(): void {
    const { signal } = this.#request;
    if (!signal) return;
    const error = abortError(signal);
    if (!this.#hasTurn) {
      this.#abandon(error);
      return;
    }
    const control = this.#direct ?? this.#controller;
    if (control) control.abort(error);
    else void this.#options.connection.destroy(error);
  }

  /** What is before it on the connection is others': the answer will be passed over. */
  #abandon(reason: Error): void {
    this.#abandoned = reason;
    this.#answer.reject(reason);
  }

  #finish(): void {
    clearTimeout(this.#headersTimer);
    this.#options.connection.requestEnds(this.#onTurn);
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    this.#outgoing?.finish();
  }

  #asError(error: unknown, progress?: string): DrayageError {
    const { origin } = this.#options;
    return networkError(error, { action: `${this.#request.method} ${origin}`, endpoint: origin, progress });
  }
}

/** Whether an error says only that the socket has ended. */
function isEnd(error: Error): boolean {
  return "code" in error && error.code === "UND_ERR_SOCKET";
}

/** Whether the other side has broken the connection. */
function isReset(error: Error): boolean {
  return "code" in error && CLOSED_CODES.has(error.code);
}
