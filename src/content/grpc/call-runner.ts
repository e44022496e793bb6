import { ErrInternal, ErrInvalidArgument } from "../../errors/classes.ts";
import { messageOf } from "../../errors/message-of.ts";
import { guardLogCall } from "../../progress/guard-log-call.ts";
import type { Store } from "../store.ts";
import { namespaceOf } from "./namespace.ts";
import type { CallHandler } from "./server/call-line.ts";
import { callStatus } from "./server/call-status.ts";
import type { ServerCall } from "./server/server-call.ts";
import { frame } from "./wire/frame.ts";
import type { GrpcMethod } from "./wire/method.ts";
import { plainly } from "./wire/plainly.ts";

/** The part of pino's logger that the service calls. */
export interface ServiceLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** `logger`, whose failures end no call: whoever waits for a status gets it. */
export function guardedServiceLogger(logger: ServiceLogger): ServiceLogger {
  return {
    debug: guardLogCall((fields, message) => logger.debug(fields, message)),
    warn: guardLogCall((fields, message) => logger.warn(fields, message)),
  };
}

/** What a handler works with. */
export interface CallContext {
  /** The store that the caller's namespace stands for. */
  readonly store: Store;
  readonly namespace: string | undefined;
  /** Fires when the caller cancels, its deadline passes, its connection breaks or the service has to end. */
  readonly signal: AbortSignal;
  readonly logger: ServiceLogger | undefined;
}

/**
 * Sends a message, which is encoded before the call returns; to be called again only when the promise has settled.
 * Resolves when the connection has taken the message, rejects with `ErrCanceled` when the call has ended.
 */
export type Send<O> = (message: O) => Promise<void>;

/** The requests of a call, one by one; `undefined` when the client has half-closed. Data in one is good until the next, or the next `send`. */
export interface Requests<I> {
  next(): Promise<I | undefined>;
}

/** Where framed messages go, for those who make them themselves. */
export type FrameSink = Pick<ServerCall, "send" | "finish">;

/** What the runner needs to know. */
export interface CallRunnerOptions {
  readonly storeFor: (namespace: string | undefined) => Store;
  readonly logger: ServiceLogger | undefined;
}

/** A handler's work on one call, up to its end with status OK. */
type Work = (call: ServerCall) => Promise<unknown>;

/** The same on the store of the caller's namespace. */
type StoreWork = (call: ServerCall, context: CallContext) => Promise<unknown>;

/** Makes handlers of functions that may throw: each call ends with exactly one status, whatever happens. */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: CallRunnerOptions) {
    this.#options = options;
  }

  /** Resolves when no handler is running any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** One request, one response, which is not about a store: the call may name any namespace. */
  plain<I, O>(method: GrpcMethod<I, O>, handle: (request: I) => Promise<O>): CallHandler {
    return this.#handler(async (call) => {
      const response = await handle(await onlyRequest(call, method));
      await call.finish(frame(method.response.encode(response)));
    });
  }

  /** One request, one response. */
  unary<I, O>(
    method: GrpcMethod<I, O>,
    handle: (request: I, context: CallContext) => Promise<O>,
  ): CallHandler {
    return this.#storeHandler(async (call, context) => {
      const response = await handle(await onlyRequest(call, method), context);
      await call.finish(frame(method.response.encode(response)));
    });
  }

  /** One request, many responses. */
  serverStream<I, O>(
    method: GrpcMethod<I, O>,
    handle: (request: I, send: Send<O>, context: CallContext) => Promise<void>,
  ): CallHandler {
    return this.#storeHandler(async (call, context) => {
      await handle(await onlyRequest(call, method), senderOf(call, method), context);
      await call.finish();
    });
  }

  /** One request, many responses that the handler frames itself; it also finishes the call. */
  frameStream<I, O>(
    method: GrpcMethod<I, O>,
    handle: (request: I, sink: FrameSink, context: CallContext) => Promise<void>,
  ): CallHandler {
    return this.#storeHandler(async (call, context) =>
      handle(await onlyRequest(call, method), call, context),
    );
  }

  /** Requests and responses as they come. */
  bidiStream<I, O>(
    method: GrpcMethod<I, O>,
    handle: (requests: Requests<I>, send: Send<O>, context: CallContext) => Promise<void>,
  ): CallHandler {
    return this.#storeHandler(async (call, context) => {
      const requests = { next: () => nextRequest(call, method) };
      await handle(requests, senderOf(call, method), context);
      await call.finish();
    });
  }

  #storeHandler(work: StoreWork): CallHandler {
    return this.#handler((call) => work(call, this.#contextOf(call)));
  }

  /** Throws `ErrInvalidArgument` for a namespace that is malformed. */
  #contextOf({ headers, signal }: ServerCall): CallContext {
    const { logger, storeFor } = this.#options;
    const namespace = namespaceOf(headers);
    return { store: storeFor(namespace), namespace, signal, logger };
  }

  #handler(work: Work): CallHandler {
    return (call) => {
      const running = this.#answer(call, work).finally(() => this.#running.delete(running));
      this.#running.add(running);
      return running;
    };
  }

  async #answer(call: ServerCall, work: Work): Promise<void> {
    try {
      await work(call);
    } catch (err) {
      const status = callStatus(err);
      this.#options.logger?.debug({ method: call.path, code: status.code, err }, "content call failed");
      call.fail(status);
    }
  }
}

async function nextRequest<I, O>(call: ServerCall, method: GrpcMethod<I, O>): Promise<I | undefined> {
  const message = await call.next();
  if (!message) return undefined;
  try {
    return method.request.decode(message);
  } catch (cause) {
    const reason = messageOf(cause);
    throw plainly(new ErrInternal(`grpc: error unmarshalling request: ${reason}`, { cause }));
  }
}

async function onlyRequest<I, O>(call: ServerCall, method: GrpcMethod<I, O>): Promise<I> {
  const request = await nextRequest(call, method);
  if (request === undefined) throw plainly(new ErrInvalidArgument("grpc: got no request"));
  return request;
}

function senderOf<I, O>(call: ServerCall, { response }: GrpcMethod<I, O>): Send<O> {
  return (message) => call.send(frame(response.encode(message)));
}
