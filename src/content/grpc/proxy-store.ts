import { create } from "@bufbuild/protobuf";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { type Digest, isDigest, parseDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrInternal, ErrInvalidArgument } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { checkOptions } from "../../options/check-options.ts";
import { type RulesOf, required } from "../../options/rule.ts";
import { aString, milliseconds } from "../../options/rules.ts";
import { checkedStore } from "../checked-store.ts";
import type { CollectedStore } from "../ownership/owned-store.ts";
import type {
  BlobReference,
  Info,
  ListOptions,
  ReaderAt,
  Status,
  Store,
  Writer,
  WriterOptions,
} from "../store.ts";
import {
  AbortRequestSchema,
  DeleteContentRequestSchema,
  InfoRequestSchema,
  ListContentRequestSchema,
  ListStatusesRequestSchema,
  StatusRequestSchema,
  UpdateRequestSchema,
} from "./content_pb.ts";
import { fromInfoMessage, fromStatusMessage } from "./content-messages.ts";
import { contentMethods } from "./content-methods.ts";
import { ProxyReader, type RangeOptions, readRange } from "./proxy-reader.ts";
import { ProxyWriter } from "./proxy-writer.ts";
import { ServiceClient, type ServiceClientOptions } from "./service-client.ts";

/** How a content service is reached. */
export type ProxyStoreOptions = ServiceClientOptions;

const PROXY_OPTIONS: RulesOf<ProxyStoreOptions> = {
  address: required(aString),
  namespace: aString,
  lease: aString,
  callTimeoutMs: milliseconds,
  restartMs: milliseconds,
};

/** A store that lives behind a content service. */
export interface ProxyStore extends CollectedStore, AsyncDisposable {
  /**
   * The bytes of a blob, or of a range of it, as they arrive: one call for all of them, which is the fastest way to read a
   * blob whole. Nothing checks them. Leaving the loop cancels the call. Throws `ErrNotFound`, or `ErrOutOfRange` for an
   * offset beyond the end.
   */
  stream(descriptor: Pick<Descriptor, "digest">, options?: RangeOptions): AsyncIterable<Uint8Array>;
  /** Cancels what is under way, writers and readers included, and drops the connection. Closing twice is fine. */
  close(): Promise<void>;
}

/**
 * A content service, of ours or of a containerd, as a store (containerd's `content/proxy`). It connects when it is first
 * used, and again after the service was restarted. Its errors have the classes and words of the service's own; one that
 * cannot be reached is `ErrUnavailable`, which a held ref is too. Throws `ErrInvalidArgument` for options that are
 * malformed. The caller closes it.
 */
export function proxyStore(options: ProxyStoreOptions): ProxyStore {
  checkOptions("open content service", options, PROXY_OPTIONS);
  return storeBehind(new ServiceClient(options));
}

/** The same with a client that is there already, which closing the store closes. */
export function storeBehind(client: ServiceClient): ProxyStore {
  return checkedStore(new ContentProxy(client));
}

class ContentProxy implements ProxyStore {
  /** The service knows who needs what, as a containerd does. */
  readonly isCollected = true;
  readonly #client: ServiceClient;

  constructor(client: ServiceClient) {
    this.#client = client;
  }

  async info(digest: Digest, { signal }: AbortOptions = {}): Promise<Info> {
    const request = create(InfoRequestSchema, { digest });
    const { info } = await this.#client.unary(contentMethods.info, { request, signal, about: { digest } });
    return fromInfoMessage(present(info));
  }

  async update(
    { digest, labels }: Parameters<Store["update"]>[0],
    fieldpaths: readonly string[] = [],
  ): Promise<Info> {
    const request = create(UpdateRequestSchema, {
      info: { digest, labels: { ...labels } },
      ...(fieldpaths.length > 0 && { updateMask: { paths: [...fieldpaths] } }),
    });
    const { info } = await this.#client.unary(contentMethods.update, { request, about: { digest } });
    return fromInfoMessage(present(info));
  }

  async *walk({ filters = [], signal }: ListOptions = {}): AsyncGenerator<Info> {
    const request = create(ListContentRequestSchema, { filters: [...filters] });
    for await (const { info } of this.#client.stream(contentMethods.list, { request, signal })) {
      // A service may know algorithms that we do not.
      yield* info.filter(({ digest }) => isDigest(digest)).map(fromInfoMessage);
      throwIfAborted(signal);
    }
  }

  async delete(digest: Digest, { signal }: AbortOptions = {}): Promise<void> {
    const request = create(DeleteContentRequestSchema, { digest });
    await this.#client.remove(contentMethods.delete, { request, signal, about: { digest } });
  }

  async readerAt({ digest, size }: BlobReference, options: AbortOptions = {}): Promise<ReaderAt> {
    const info = await this.info(digest, options);
    if (size === undefined || size === info.size) return new ProxyReader(this.#client, info);
    throw new ErrDataLoss(`read blob ${digest}: got ${info.size} bytes, want ${size}`, { digest });
  }

  stream({ digest }: Pick<Descriptor, "digest">, options: RangeOptions = {}): AsyncIterable<Uint8Array> {
    return readRange(this.#client, digest, options);
  }

  async writer(options: WriterOptions): Promise<Writer> {
    const { ref, expected, signal } = options;
    throwIfAborted(signal);
    assertRef(ref);
    if (expected !== undefined) parseDigest(expected); // containerd's service takes any text, and never finds it
    return ProxyWriter.open({ client: this.#client, store: this }, options);
  }

  async status(ref: string, { signal }: AbortOptions = {}): Promise<Status> {
    assertRef(ref);
    const request = create(StatusRequestSchema, { ref });
    const { status } = await this.#client.unary(contentMethods.status, { request, signal, about: { ref } });
    return fromStatusMessage(present(status));
  }

  async listStatuses({ filters = [], signal }: ListOptions = {}): Promise<readonly Status[]> {
    const request = create(ListStatusesRequestSchema, { filters: [...filters] });
    const { statuses } = await this.#client.unary(contentMethods.listStatuses, { request, signal });
    return statuses.map(fromStatusMessage);
  }

  async abort(ref: string, { signal }: AbortOptions = {}): Promise<void> {
    assertRef(ref);
    const request = create(AbortRequestSchema, { ref });
    await this.#client.remove(contentMethods.abort, { request, signal, about: { ref } });
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** On the wire all halves of characters look the same, and refs must not. */
function assertRef(ref: string): void {
  if (!ref.isWellFormed()) throw new ErrInvalidArgument("ref is not well-formed Unicode");
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw new ErrInternal("call content service: got an empty response");
  return part;
}
