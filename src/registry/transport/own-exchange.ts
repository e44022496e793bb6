import { abortable, abortError, throwIfAborted } from "../../async/abort.ts";
import { onAbort } from "../../async/on-abort.ts";
import { ErrCanceled, ErrInvalidArgument, ErrUnavailable } from "../../errors/classes.ts";
import { codeOf } from "../../errors/code-of.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { messageOf } from "../../errors/message-of.ts";
import { plainText } from "../../errors/plain-text.ts";
import { type HttpRequest, type HttpResponse, isStreamed } from "../http/send.ts";
import { isBodiless, lengthOf } from "./body-length.ts";
import type { Begun, CarrierContext } from "./carrier.ts";
import type { ConnectionLimits } from "./connection-options.ts";
import { IncomingBody } from "./incoming-body.ts";
import { networkError } from "./network-error.ts";
import { OutgoingBody } from "./outgoing-body.ts";
import { giveUp, OwnBody } from "./own-body.ts";
import type { OwnRequest, OwnResponse, OwnSend } from "./own-send.ts";
import { errors } from "./undici.ts";

/** Characters of what somebody else's send says of its failure. */
const MAX_WORDS_CHARS = 300;

/** What sends a request, and how patient we are with it. */
export interface OwnExchangeParts {
  readonly send: OwnSend;
  readonly limits: ConnectionLimits;
}

/** What surrounds one request. */
interface OwnExchangeContext extends CarrierContext {
  /** Why nothing is sent any more, if that is so. */
  readonly destroyed: Error | undefined;
}

/** One request and its answer by somebody else's send, with the limits of one of our own. */
export class OwnExchange implements Begun {
  readonly response: Promise<HttpResponse>;
  /** Nobody knows whether its connection was used before: what failed is tried again as a request that may have arrived. */
  readonly stale = false;
  readonly #request: HttpRequest;
  readonly #context: OwnExchangeContext;
  readonly #parts: OwnExchangeParts;
  readonly #stop = new AbortController();
  readonly #outgoing: OutgoingBody | undefined;
  readonly #ignoreCaller: () => void;
  #headersTimer: NodeJS.Timeout | undefined;
  #sentAtMs = 0;
  #isOver = false;

  constructor(request: HttpRequest, context: OwnExchangeContext, parts: OwnExchangeParts) {
    this.#request = request;
    this.#context = context;
    this.#parts = parts;
    const { body, flow, signal } = request;
    if (isStreamed(body)) {
      this.#outgoing = new OutgoingBody(body, {
        idleTimeoutMs: parts.limits.bodyIdleTimeoutMs,
        onIdle: () => this.abort(this.#late(`no data taken in time: ${this.#outgoing?.progress}`)),
        onGiven: () => this.#awaitHeaders(),
        flow,
      });
    }
    this.#ignoreCaller = onAbort(signal, () => signal && this.abort(abortError(signal)));
    if (context.destroyed) this.abort(context.destroyed);
    this.response = this.#answer();
  }

  /** Ends it: whoever sends is told by its signal, whoever waits gets `reason`. */
  abort(reason: Error): void {
    if (!this.#isOver) this.#stop.abort(reason);
  }

  async #answer(): Promise<HttpResponse> {
    const { signal } = this.#stop;
    try {
      throwIfAborted(signal);
      this.#request.onConnected?.();
      this.#sentAtMs = this.#context.clock.elapsed();
      if (!this.#outgoing) this.#awaitHeaders();
      const sending = (async () => await this.#parts.send(this.#asOwn()))();
      // Whoever answers too late holds a connection for nobody.
      sending.then((late) => (signal.aborted ? giveUp(late.body) : undefined), ignore);
      return this.#asResponse(await abortable(sending, signal));
    } catch (error) {
      const { failure } = this.#outgoing ?? {};
      const reason: unknown = signal.aborted ? signal.reason : error;
      if (!signal.aborted) this.#context.onOutcome({ status: undefined, sentAtMs: this.#sentAtMs });
      this.abort(new ErrCanceled("send request: the exchange has failed", { cause: error }));
      this.#finish();
      throw failure ? failure.error : this.#asError(reason);
    } finally {
      clearTimeout(this.#headersTimer);
    }
  }

  #asOwn(): OwnRequest {
    const { method, url, headers = {}, body, tls } = this.#request;
    const given = isStreamed(body) ? this.#outgoing : body;
    // Others undo a coding that they have asked for by themselves, and leave its header.
    const all = { "accept-encoding": "identity", ...headers };
    return { method, url, headers: all, body: given ?? null, tls, signal: this.#stop.signal };
  }

  #asResponse(answer: OwnResponse): HttpResponse {
    const { url, flow, signal } = this.#request;
    const { status, body } = checked(answer);
    const headers = headersOf(answer);
    this.#outgoing?.answered();
    this.#context.onOutcome({ status, sentAtMs: this.#sentAtMs });
    const hasBody = !isBodiless(this.#request, status);
    const expectedBytes = hasBody ? lengthOf(headers) : undefined;
    const own = new OwnBody(hasBody ? body : undefined, {
      expectedBytes: headers["content-encoding"] === undefined ? expectedBytes : undefined,
      onChunk: (chunk) => incoming.push(chunk),
      onEnd: () => {
        this.#finish();
        incoming.complete();
      },
      onFailure: (error) => {
        this.abort(new ErrCanceled("send request: the body has failed", { cause: error }));
        this.#finish();
        incoming.fail(error);
      },
      onAbort: (error) => this.abort(error),
      signal: this.#stop.signal,
    });
    if (!hasBody) void giveUp(body);
    const incoming = new IncomingBody(own, {
      expectedBytes,
      endpoint: this.#context.url.origin,
      contentEncoding: headers["content-encoding"],
      limits: this.#parts.limits,
      flow,
      signal,
      asError: (error, progress) => this.#asError(error, progress),
    });
    own.begin();
    return { status, headers, url, body: incoming };
  }

  #awaitHeaders(): void {
    this.#sentAtMs = this.#context.clock.elapsed();
    const { headersTimeoutMs, storeTimeoutMs, connectTimeoutMs } = this.#parts.limits;
    const onLate = (): void => this.abort(new errors.HeadersTimeoutError());
    // Nobody tells when a connection stands, so this is for both.
    const { storing, connectTimeoutMs: connecting = connectTimeoutMs } = this.#request;
    this.#headersTimer = setTimeout(onLate, connecting + (storing ? storeTimeoutMs : headersTimeoutMs));
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ignoreCaller();
    this.#outgoing?.finish();
    this.#context.onOver(false); // what it stands for is a turn, and not a connection
  }

  #late(words: string): ErrUnavailable {
    const { origin } = this.#context.url;
    const text = `${this.#request.method} ${origin}: ${words}`;
    return new ErrUnavailable(text, { endpoint: origin, retryable: true });
  }

  #asError(error: unknown, progress?: string): Error {
    const { origin } = this.#context.url;
    const known = withCode(error);
    const action = `${this.#request.method} ${origin}`;
    if (isDrayageError(error) || known !== undefined)
      return networkError(known ?? error, { action, endpoint: origin, progress });
    const words = plainText(messageOf(error), MAX_WORDS_CHARS);
    const text = progress === undefined ? `${action}: ${words}` : `${action}: ${words}: ${progress}`;
    return new ErrUnavailable(text, { cause: error, endpoint: origin, retryable: true });
  }
}

function ignore(): void {}

/** The error itself or, as `fetch` has it, its cause, whichever has a code. */
function withCode(error: unknown): unknown {
  if (typeof error !== "object" || error === null) return undefined;
  if (codeOf(error) !== undefined) return error;
  return "cause" in error ? withCode(error.cause) : undefined;
}

/** Throws `ErrInvalidArgument` for what is no answer: that is nobody's fault but the send's. */
function checked(answer: OwnResponse): OwnResponse {
  const { status, headers, body } = Object(answer) as Partial<OwnResponse>;
  const isStatus = Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599;
  const isBody = body === undefined || body === null || Symbol.asyncIterator in Object(body);
  if (isStatus && isBody && typeof headers === "object" && headers !== null) return answer;
  const wanted = "a status from 200 to 599, headers, and a body that can be iterated over";
  throw new ErrInvalidArgument(`send request: the option "send" gave something else than ${wanted}`);
}

function headersOf({ headers }: OwnResponse): Record<string, string | string[]> {
  const entries = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  const all: Record<string, string | string[]> = {};
  for (const [name, value] of entries) {
    if (value === undefined) continue;
    const key = name.toLowerCase();
    const before = all[key];
    const values = [before ?? [], value].flat();
    const [only = "", second] = values;
    all[key] = second === undefined ? only : values;
  }
  return all;
}
