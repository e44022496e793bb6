import type { OutgoingHttpHeaders } from "node:http2";
import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { formatAddress, parseAddress } from "../../sockets/address.ts";
import { parseNamespace } from "../namespaces/parse-namespace.ts";
import { type CallName, callError } from "./call-error.ts";
import type { ClientCall } from "./client/client-call.ts";
import { GrpcClient } from "./client/grpc-client.ts";
import { NAMESPACE_HEADER } from "./namespace.ts";
import type { GrpcMethod } from "./wire/method.ts";

/** Header that names a lease (containerd `pkg/leases`). */
const LEASE_HEADER = "containerd-lease";

/** Where the service is and how it is called. */
export interface ServiceClientOptions {
  /**
   * `unix:///PATH` or `tcp://HOST:PORT`.
   * @example address: "unix:///var/lib/engine/content.sock"
   */
  readonly address: string;
  /**
   * Namespace that every call names.
   * @defaultValue none
   * @example namespace: "k8s.io"
   */
  readonly namespace?: string | undefined;
  /**
   * ID of a lease that every call names. What is written under a lease of containerd's outlives its garbage collections as long
   * as the lease does. Whoever made the lease deletes it.
   * @defaultValue none
   * @example lease: "engine-7"
   */
  readonly lease?: string | undefined;
  /**
   * Longest time for a call that has one answer, in milliseconds. Streams have no deadline.
   * @defaultValue no limit
   * @example callTimeoutMs: 30_000
   */
  readonly callTimeoutMs?: number | undefined;
  /**
   * How long a service that was there may be away before calls fail, in milliseconds: it may be started again. With 0 calls fail
   * at once. One that was never there is not waited for.
   * @defaultValue 10,000
   * @example restartMs: 30_000
   */
  readonly restartMs?: number | undefined;
}

/** What errors of a call say that it is about. */
interface CallContext extends AbortOptions {
  readonly about?: { readonly digest?: Digest | undefined; readonly ref?: string } | undefined;
}

/** What a single call may be given. */
export interface CallRequest<I> extends CallContext {
  readonly request: I;
  /** Whether it is not made again when the service may have done it already. Default false. */
  readonly once?: boolean | undefined;
}

/** What a client is told beside its options. */
export interface ServiceClientParts {
  /** The lease that calls name from now on, where it changes; asked for each call. Instead of the option. */
  readonly lease?: (() => string | undefined) | undefined;
}

/**
 * A connection to services of containerd's, made when it is first needed and made again when it was lost. Calls with one request are
 * made again then, unless they say otherwise, because doing them twice does no harm. Errors are ours, by the class that the service had; a signal that
 * fires cancels the call.
 */
export class ServiceClient {
  readonly #grpc: GrpcClient;
  readonly #address: string;
  readonly #callTimeoutMs: number | undefined;

  /** Throws `ErrInvalidArgument` for an address, a namespace or a lease that is malformed. */
  constructor(
    { address, namespace, lease, callTimeoutMs, restartMs }: ServiceClientOptions,
    parts: ServiceClientParts = {},
  ) {
    const parsed = parseAddress(address);
    this.#address = formatAddress(parsed);
    this.#callTimeoutMs = callTimeoutMs;
    const inNamespace = namespace === undefined ? {} : { [NAMESPACE_HEADER]: parseNamespace(namespace) };
    const given = lease === undefined ? undefined : parseLease(lease);
    const headers = (): OutgoingHttpHeaders => {
      const current = parts.lease?.() ?? given;
      return current === undefined ? inNamespace : { ...inNamespace, [LEASE_HEADER]: current };
    };
    this.#grpc = new GrpcClient(parsed, headers, { restartMs });
  }

  /** A call with one request and one response. */
  async unary<I, O>(method: GrpcMethod<I, O>, call: CallRequest<I>): Promise<O> {
    return await this.#unary(method, call);
  }

  /** A call that takes something away. That it is gone when the call has to be made again is a success. */
  async remove<I, O>(method: GrpcMethod<I, O>, call: CallRequest<I>): Promise<void> {
    let wasRepeated = false;
    const onRepeat = (): void => {
      wasRepeated = true;
    };
    try {
      await this.#unary(method, call, onRepeat);
    } catch (error) {
      if (!wasRepeated || !isNotFound(error)) throw error;
    }
  }

  /** A call with one request and many responses. Leaving the loop cancels it. */
  async *stream<I, O>(method: GrpcMethod<I, O>, call: CallRequest<I>): AsyncGenerator<O, void, void> {
    try {
      yield* this.#grpc.stream(method, call.request, { signal: call.signal });
    } catch (error) {
      throw this.errorOf(error, method, call);
    }
  }

  /**
   * A call with requests and responses as they come; its errors are still those of the client below, for `errorOf`. The
   * caller disposes of it.
   */
  async duplex<I, O>(method: GrpcMethod<I, O>, { signal }: AbortOptions): Promise<ClientCall> {
    return await this.#grpc.duplex(method, { signal });
  }

  /** The error that callers get for one of the client below. What a signal of theirs fired with stays as it is. */
  errorOf(error: unknown, { path }: Pick<CallName, "path">, { about, signal }: CallContext): unknown {
    if (signal?.aborted) return error;
    const { digest, ref } = about ?? {};
    const subject = ref === undefined ? digest : `ref ${ref}`;
    return callError(error, { path, subject, address: this.#address }, { digest });
  }

  /** Cancels what is under way and drops the connection. Closing twice is fine. */
  close(): void {
    this.#grpc.close();
  }

  async #unary<I, O>(method: GrpcMethod<I, O>, call: CallRequest<I>, onRepeat?: () => void): Promise<O> {
    const { request, signal, once } = call;
    const timeoutMs = this.#callTimeoutMs;
    try {
      return await this.#grpc.unary(method, request, { signal, timeoutMs, onRepeat, once });
    } catch (error) {
      throw this.errorOf(error, method, call);
    }
  }
}

/** Containerd takes any text as the ID of a lease; a header takes less. */
function parseLease(lease: string): string {
  if (/^[!-~]+$/.test(lease)) return lease;
  throw new ErrInvalidArgument(
    `parse lease: got ${JSON.stringify(lease)}, want printable ASCII without spaces`,
  );
}
