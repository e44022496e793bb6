import type { AbortOptions } from "../../async/abort.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ErrorDetails } from "../../errors/drayage-error.ts";
import { parseNamespace } from "../namespaces/parse-namespace.ts";
import { parseAddress } from "./address.ts";
import { callError } from "./call-error.ts";
import type { ClientCall } from "./client/client-call.ts";
import { GrpcClient } from "./client/grpc-client.ts";
import { NAMESPACE_HEADER } from "./namespace.ts";
import type { GrpcMethod } from "./wire/method.ts";

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

/**
 * A connection to a content service, made when it is first needed and made again when it was lost. Errors are ours, by
 * the class that the service had; a signal that fires cancels the call.
 */
export class ContentClient {
  readonly #grpc: GrpcClient;
  readonly #callTimeoutMs: number | undefined;

  /** Throws `ErrInvalidArgument` for an address, a namespace or a lease that is malformed. */
  constructor({ address, namespace, lease, callTimeoutMs }: ContentClientOptions) {
    this.#callTimeoutMs = callTimeoutMs;
    this.#grpc = new GrpcClient(parseAddress(address), {
      ...(namespace !== undefined && { [NAMESPACE_HEADER]: parseNamespace(namespace) }),
      ...(lease !== undefined && { [LEASE_HEADER]: parseLease(lease) }),
    });
  }

  /** A call with one request and one response. */
  async unary<I, O>(method: GrpcMethod<I, O>, { request, signal, details }: CallRequest<I>): Promise<O> {
    try {
      return await this.#grpc.unary(method, request, { signal, timeoutMs: this.#callTimeoutMs });
    } catch (error) {
      throw callError(error, details);
    }
  }

  /** A call with one request and many responses. Leaving the loop cancels it. */
  async *stream<I, O>(
    method: GrpcMethod<I, O>,
    { request, signal, details }: CallRequest<I>,
  ): AsyncGenerator<O, void, void> {
    try {
      yield* this.#grpc.stream(method, request, { signal });
    } catch (error) {
      throw callError(error, details);
    }
  }

  /**
   * A call with requests and responses as they come; its errors are still those of the client below. The caller
   * disposes of it.
   */
  async duplex<I, O>(method: GrpcMethod<I, O>, { signal }: AbortOptions): Promise<ClientCall> {
    return await this.#grpc.duplex(method, { signal });
  }

  /** Cancels what is under way and drops the connection. Closing twice is fine. */
  close(): void {
    this.#grpc.close();
  }
}

/** Containerd takes any text as the ID of a lease; a header takes less. */
function parseLease(lease: string): string {
  if (/^[!-~]+$/.test(lease)) return lease;
  throw new ErrInvalidArgument(
    `parse lease: got ${JSON.stringify(lease)}, want printable ASCII without spaces`,
  );
}
