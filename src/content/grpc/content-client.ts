import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { type AbortOptions, abortError, throwIfAborted } from "../../async/abort.ts";
import { ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import type { ErrorDetails } from "../../errors/drayage-error.ts";
import { parseNamespace } from "../namespaces/parse-namespace.ts";
import { channelTarget, parseAddress } from "./address.ts";
import { callError } from "./call-error.ts";
import { NAMESPACE_HEADER } from "./namespace.ts";
import { MAX_MESSAGE_BYTES } from "./server/frame.ts";

/** First pause before a lost service is looked for again, in milliseconds; it grows up to the second one. */
const RECONNECT_MS = 100;
const MAX_RECONNECT_MS = 2_000;

/** Bytes of a stream that may be under way: several messages, so that the service need not wait for us. */
const WINDOW_BYTES = 4 * 1_048_576;

/** Header that names a lease (containerd `pkg/leases`). */
const LEASE_HEADER = "containerd-lease";

/** Where the service is and how it is called. */
export interface ContentClientOptions {
  /** `unix:///PATH` or `tcp://HOST:PORT`. */
  readonly address: string;
  /** Namespace that every call names; none by default. */
  readonly namespace?: string | undefined;
  /**
   * ID of a lease that every call names; none by default. What is written under a lease of containerd's outlives its garbage
   * collections as long as the lease does. Whoever made the lease deletes it.
   */
  readonly lease?: string | undefined;
  /** Longest time for a call that has one answer, in milliseconds; unlimited by default. Streams have no deadline. */
  readonly callTimeoutMs?: number | undefined;
}

/** What a single call may be given. */
export interface CallRequest<I> extends AbortOptions {
  readonly request: I;
  /** What the caller knows about the error, should there be one. */
  readonly details?: ErrorDetails | undefined;
}

/** Something that can be cancelled. */
interface Cancellable {
  cancel(): void;
}

/**
 * A connection to a content service, made when it is first needed and made again when it was lost. Errors are ours, by
 * the class that the service had; a signal that fires cancels the call.
 */
export class ContentClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #callTimeoutMs: number | undefined;
  readonly #calls = new Set<Cancellable>();
  #closed = false;

  /** Throws `ErrInvalidArgument` for an address, a namespace or a lease that is malformed. */
  constructor({ address, namespace, lease, callTimeoutMs }: ContentClientOptions) {
    if (namespace !== undefined) this.#metadata.set(NAMESPACE_HEADER, parseNamespace(namespace));
    if (lease !== undefined) this.#metadata.set(LEASE_HEADER, parseLease(lease));
    this.#callTimeoutMs = callTimeoutMs;
    this.#client = new Client(channelTarget(parseAddress(address)), credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      "grpc.initial_reconnect_backoff_ms": RECONNECT_MS,
      "grpc.max_reconnect_backoff_ms": MAX_RECONNECT_MS,
      "grpc-node.flow_control_window": WINDOW_BYTES,
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /** A call with one request and one response. */
  unary<I, O>(method: MethodDefinition<I, O>, { request, signal, details }: CallRequest<I>): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      this.#assertReady(signal);
      const { path, requestSerialize, responseDeserialize } = method;
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.#metadata,
        this.#options(),
        (error, response) => {
          release();
          if (error) reject(failure(error, signal, details));
          else if (response) resolve(response);
        },
      );
      const release = this.#watch(call, signal);
    });
  }

  /** A call with one request and many responses. Leaving the loop cancels it. */
  async *stream<I, O>(
    method: MethodDefinition<I, O>,
    { request, signal, details }: CallRequest<I>,
  ): AsyncGenerator<O, void, void> {
    this.#assertReady(signal);
    const { path, requestSerialize, responseDeserialize } = method;
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.#metadata,
    );
    call.on("error", () => {}); // also told by the loop; this one is for after the loop
    const release = this.#watch(call, signal);
    try {
      yield* call as AsyncIterable<O>;
    } catch (error) {
      throw failure(error, signal, details);
    } finally {
      release();
      call.cancel();
    }
  }

  /** A call with requests and responses as they come. The caller ends or cancels it, and listens to its errors. */
  duplex<I, O>(method: MethodDefinition<I, O>): ClientDuplexStream<I, O> {
    this.#assertReady(undefined);
    const { path, requestSerialize, responseDeserialize } = method;
    const call = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    const release = this.#watch(call, undefined);
    call.once("status", release);
    return call;
  }

  /** Cancels what is under way and drops the connection. Closing twice is fine. */
  close(): void {
    this.#closed = true;
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }

  #assertReady(signal: AbortSignal | undefined): void {
    throwIfAborted(signal);
    if (this.#closed) throw new ErrFailedPrecondition("cannot call content service: proxy is closed");
  }

  #options(): CallOptions {
    const ms = this.#callTimeoutMs;
    return ms === undefined ? {} : { deadline: Date.now() + ms };
  }

  /** Cancels `call` with the signal or the client; until the function returned is called. */
  #watch(call: Cancellable, signal: AbortSignal | undefined): () => void {
    const cancel = (): void => call.cancel();
    this.#calls.add(call);
    signal?.addEventListener("abort", cancel, { once: true });
    return () => {
      this.#calls.delete(call);
      signal?.removeEventListener("abort", cancel);
    };
  }
}

/** Containerd takes any text as the ID of a lease; a header takes less. */
function parseLease(lease: string): string {
  if (/^[!-~]+$/.test(lease)) return lease;
  throw new ErrInvalidArgument(
    `parse lease: got ${JSON.stringify(lease)}, want printable ASCII without spaces`,
  );
}

function failure(error: unknown, signal: AbortSignal | undefined, details: ErrorDetails | undefined): Error {
  return signal?.aborted ? abortError(signal) : callError(error as ServiceError, details);
}
