import type { AbortOptions } from "../async/abort.ts";
import type { BackoffPolicy } from "../async/backoff.ts";
import { retry } from "../async/retry.ts";
import { digestOf } from "../digest/digest.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { findError, isNoSupport } from "../errors/predicates.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { DOCKER_SCHEMA1_MANIFEST, isIndexType, isManifestType } from "../oci/media-types.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";
import type { RegistryClient } from "../registry/pull/registry-client.ts";
import type { AskOptions, FetchOptions, Remote, RemoteContent } from "./remote.ts";
import type { Source } from "./source.ts";

/** What a remote is made of. */
export interface RegistryRemoteOptions {
  readonly endpoint: Endpoint;
  /** Default: the origin of the endpoint. */
  readonly source?: Source | undefined;
  readonly backoff: BackoffPolicy;
}

/** A repository at one endpoint, seen as Resolver and Fetcher. */
export class RegistryRemote implements Remote {
  readonly endpoint: string;
  readonly source: Source;
  readonly backoff: BackoffPolicy;
  readonly #client: RegistryClient;

  /**
   * A mirror gets one attempt for a document, whatever `backoff` says, and no pause that it asks for is waited out: the next
   * endpoint is the better second one.
   */
  constructor(client: RegistryClient, { endpoint, source, backoff }: RegistryRemoteOptions) {
    this.#client = client;
    this.endpoint = originOf(endpoint);
    this.source = source ?? this.endpoint;
    this.backoff = endpoint.mirror ? { ...backoff, maxAttempts: 1, maxRetryAfterMs: 0 } : backoff;
  }

  resolve(reference: NormalizedReference, options: AskOptions = {}): Promise<Descriptor> {
    return this.#insist(options, async () => {
      const wanted = reference.digest ?? reference.tag ?? "latest";
      const head = await this.#client.headManifest(wanted, options);
      if (!head) return await this.#resolveByGet(reference, wanted, options);
      return { ...head, mediaType: this.#knownType(head.mediaType, reference) };
    });
  }

  async fetch(descriptor: Descriptor, { offset = 0, signal }: FetchOptions = {}): Promise<RemoteContent> {
    const { mediaType, digest, size } = descriptor;
    if (isManifestType(mediaType) || isIndexType(mediaType)) {
      const accept = [mediaType, "*/*"];
      const { bytes } = await this.#client.getManifest(digest, { accept, signal });
      return contentOf(bytes);
    }
    const blob = await this.#client.openBlob(digest, { offset, size, signal });
    return {
      offset: blob.offset,
      pipeTo: (sink) => blob.body.pipeTo(sink),
      discard: () => blob.body.discard(),
    };
  }

  /** Every tag of the repository, in the registry's order. Throws like `resolve`. */
  tags(options: AskOptions = {}): Promise<readonly string[]> {
    return this.#insist(options, async () => {
      const tags: string[] = [];
      for await (const tag of this.#client.listTags(options)) tags.push(tag);
      return tags;
    });
  }

  async #insist<T>({ signal, waiter }: AskOptions, ask: () => Promise<T>): Promise<T> {
    try {
      return await retry(ask, { policy: this.backoff, signal, waiter });
    } catch (error) {
      throw await this.#explained(error, { signal });
    }
  }

  /** The bytes are here then, so they travel with the descriptor and need not be asked for again. */
  async #resolveByGet(
    reference: NormalizedReference,
    wanted: string,
    options: AbortOptions,
  ): Promise<Descriptor> {
    const { bytes, mediaType } = await this.#client.getManifest(wanted, options);
    return {
      mediaType: this.#knownType(mediaType, reference),
      digest: reference.digest ?? digestOf(bytes),
      size: bytes.length,
      data: Buffer.from(bytes).toString("base64"),
    };
  }

  /**
   * "Not found" in no registry's words may come from something that never was a registry; that says nothing about the
   * image. Only then a ping is worth its round trip: `ErrNoSupport` if nobody answers to the API's name, else `error`.
   */
  async #explained(error: unknown, options: AbortOptions): Promise<unknown> {
    const found = findError(error);
    if (found?.httpStatus !== 404 || found.registryCode !== undefined) return error;
    try {
      await this.#client.ping(options);
      return error;
    } catch (cause) {
      return isNoSupport(cause) ? cause : error;
    }
  }

  #knownType(mediaType: string, reference: NormalizedReference): string {
    if (mediaType === "text/plain") return DOCKER_SCHEMA1_MANIFEST; // what old registries call it, as containerd knows
    if (mediaType !== "") return mediaType;
    throw new ErrInvalidArgument(`resolve ${reference.toString()}: got a manifest without Content-Type`, {
      endpoint: this.endpoint,
      reference: reference.toString(),
    });
  }
}

function contentOf(bytes: Uint8Array): RemoteContent {
  return {
    offset: 0,
    async pipeTo(sink) {
      await sink(bytes);
    },
    async discard() {},
  };
}
