import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
} from "@grpc/grpc-js";
import { abortable } from "../../async/abort.ts";
import { ErrCanceled, ErrUnavailable } from "../../errors/classes.ts";
import type { Store } from "../store.ts";
import { callStatus } from "./call-status.ts";
import { namespaceOf } from "./namespace.ts";
import { RequestReader } from "./request-reader.ts";

/** The part of pino's logger that the service calls. */
export interface ServiceLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
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

/** What the runner needs to know. */
export interface CallRunnerOptions {
  readonly storeFor: (namespace: string | undefined) => Store;
  readonly logger: ServiceLogger | undefined;
}

/** What all four kinds of server calls of grpc-js have in common. */
interface ServerCall {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getPath(): string;
  on(event: "cancelled", listener: () => void): unknown;
}

/**
 * Makes handlers for grpc-js of functions that may throw: each call ends with exactly one status, whatever happens, and
 * nothing ever reaches grpc-js as an exception, which would end the process.
 */
export class CallRunner {
  readonly #options: CallRunnerOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #calls = new Set<AbortController>();

  constructor(options: CallRunnerOptions) {
    this.#options = options;
  }

  /** Ends what is running with `ErrUnavailable`. */
  stop(): void {
    const reason = new ErrUnavailable("content service is closing");
    for (const call of this.#calls) call.abort(reason);
  }

  /** Resolves when no handler is running any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** One request, one response. */
  unary<I, O>(handle: (request: I, context: CallContext) => Promise<O>): handleUnaryCall<I, O> {
    return (call, callback) => {
      this.#run(
        call,
        async (context) => {
          const response = await handle(call.request, context);
          return () => callback(null, response);
        },
        callback,
      );
    };
  }

  /** One request, many responses. */
  serverStream<I, O>(
    handle: (request: I, send: Send<O>, context: CallContext) => Promise<void>,
  ): handleServerStreamingCall<I, O> {
    return (call) => {
      this.#run(
        call,
        async (context) => {
          await handle(call.request, senderOf<O>(call, context.signal), context);
          return () => call.end();
        },
        (status) => call.emit("error", status),
      );
    };
  }

  /** Requests and responses as they come. */
  bidiStream<I, O>(
    handle: (requests: RequestReader<I>, send: Send<O>, context: CallContext) => Promise<void>,
  ): handleBidiStreamingCall<I, O> {
    return (call) => {
      this.#run(
        call,
        async (context) => {
          const requests = new RequestReader<I>(call, context.signal);
          await handle(requests, senderOf<O>(call, context.signal), context);
          return () => call.end();
        },
        (status) => call.emit("error", status),
      );
    };
  }

  #run(
    call: ServerCall,
    handle: (context: CallContext) => Promise<() => void>,
    fail: (status: { readonly code: number; readonly details: string }) => void,
  ): void {
    const running = this.#answer(call, handle, fail).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #answer(
    call: ServerCall,
    handle: (context: CallContext) => Promise<() => void>,
    fail: (status: { readonly code: number; readonly details: string }) => void,
  ): Promise<void> {
    const { logger, storeFor } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    const cancel = (): void => controller.abort(new ErrCanceled("context canceled"));
    this.#calls.add(controller);
    call.on("cancelled", cancel);
    try {
      if (call.cancelled) cancel();
      const namespace = namespaceOf(call.metadata);
      const succeed = await handle({ store: storeFor(namespace), namespace, signal, logger });
      succeed();
    } catch (err) {
      const status = callStatus(err);
      logger?.debug({ method: call.getPath(), code: status.code, err }, "content call failed");
      fail(status);
    } finally {
      this.#calls.delete(controller);
    }
  }
}

/** One message at a time, so that a slow reader holds one piece in memory and not sixteen. */
function senderOf<O>(
  call: { write(message: O, done: (error?: Error | null) => void): boolean },
  signal: AbortSignal,
): Send<O> {
  return (message) => {
    const sent = new Promise<void>((resolve, reject) => {
      call.write(message, (error) => (error ? reject(error) : resolve()));
    });
    return abortable(sent, signal); // grpc-js forgets the callbacks of a cancelled call
  };
}
