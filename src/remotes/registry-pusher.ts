import type { BackoffPolicy } from "../async/backoff.ts";
import { KeyedLock } from "../async/keyed-lock.ts";
import { Pulled } from "../async/pulled.ts";
import { retry } from "../async/retry.ts";
import { readBlob } from "../content/read-blob.ts";
import { isStreaming, type Provider, type ReaderAt } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { findError, isDataLoss, isNotFound, isRetryable } from "../errors/predicates.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../oci/parse-document.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";
import type { Asker } from "../registry/http/send.ts";
import { addReferrer } from "../registry/push/add-referrer.ts";
import type { BlobSource, PushClient, UploadSession } from "../registry/push/push-client.ts";
import { blamed, blaming } from "./blame.ts";
import { explainNotFound } from "./explain-not-found.ts";
import type { PushContentOptions, Pusher, PushOutcome } from "./pusher.ts";
import { referralOf } from "./referral-of.ts";
import { explainFailure, type PushedContent } from "./refused-bytes.ts";
import type { Source } from "./source.ts";

/** Bytes read from the store at once. */
const READ_BYTES = 512 * 1024;

/** Longest time for giving an upload up, in milliseconds: somebody may wait for the end of the process. */
const ABANDON_TIMEOUT_MS = 5_000;

/** Where a blob may be mounted from, best first, and what became of it. */
export interface MountSources {
  /** Paths of repositories of the same registry. */
  candidates(descriptor: Descriptor): Promise<readonly string[]>;
  /** The blob is in this push's repository now. */
  succeeded(descriptor: Descriptor): Promise<void>;
  /** The registry did not find the blob at `from`, or would not show it to us. */
  failed(descriptor: Descriptor, from: string, error: unknown): Promise<void>;
}

/** What a pusher is made of. */
export interface RegistryPusherOptions {
  /**
   * The endpoint of the client.
   * @example endpoint
   */
  readonly endpoint: Endpoint;
  /**
   * Who is asked, and by whom: transfers of equal sources share the fate of a failure.
   * @defaultValue the origin of the endpoint
   * @example source: "https://registry.example jane"
   */
  readonly source?: Source | undefined;
  /**
   * Knows repositories of the same registry that may have a blob.
   * @example mounts: { candidates: async () => [], succeeded: async () => {}, failed: async () => {} }
   */
  readonly mounts: MountSources;
  /**
   * How patiently documents are put.
   * @example backoff: DEFAULT_BACKOFF
   */
  readonly backoff: BackoffPolicy;
  /**
   * Shared by all who write to the same registries: lists of referrers are read and written whole.
   * @hidden no door has what it takes
   */
  readonly referrerTurns?: KeyedLock | undefined;
  /**
   * Called with the reason when an upload session stays at the registry although nobody needs it any more.
   * @defaultValue nobody is told
   * @example onLeftover: (error) => console.log(error)
   */
  readonly onLeftover?: ((error: unknown) => void) | undefined;
  /**
   * Longest time for giving an upload up, in milliseconds.
   * @defaultValue 5,000
   * @example abandonTimeoutMs: 1_000
   */
  readonly abandonTimeoutMs?: number | undefined;
}

/** A repository at one endpoint, written to by the distribution API. */
export class RegistryPusher implements Pusher {
  readonly endpoint: string;
  readonly source: Source;
  readonly #client: PushClient;
  readonly #mounts: MountSources;
  readonly #backoff: BackoffPolicy;
  readonly #referrerTurns: KeyedLock;
  readonly #onLeftover: (error: unknown) => void;
  readonly #abandonTimeoutMs: number;
  /** Blobs that are known to be there: another tag that has them need not ask again. */
  readonly #present = new Set<Digest>();
  /** Uploads that broke, by digest: the next attempt goes on with them. */
  readonly #sessions = new Map<Digest, UploadSession>();

  constructor(client: PushClient, options: RegistryPusherOptions) {
    this.#client = client;
    this.#mounts = options.mounts;
    this.#backoff = options.backoff;
    this.#referrerTurns = options.referrerTurns ?? new KeyedLock();
    this.#onLeftover = options.onLeftover ?? (() => {});
    this.#abandonTimeoutMs = options.abandonTimeoutMs ?? ABANDON_TIMEOUT_MS;
    this.endpoint = originOf(options.endpoint);
    this.source = options.source ?? this.endpoint;
  }

  async push(
    descriptor: Descriptor,
    content: PushedContent,
    options: PushContentOptions = {},
  ): Promise<PushOutcome> {
    const { mediaType } = descriptor;
    const isDocument = isManifestType(mediaType) || isIndexType(mediaType);
    const { signal, waiter } = options;
    const policy = this.#backoff;
    try {
      return isDocument
        ? await retry(() => this.#putManifest(descriptor, content, options), { policy, signal, waiter })
        : await this.#pushBlob(descriptor, content, options);
    } catch (error) {
      throw await explainNotFound(error, this.#client, { signal });
    }
  }

  /**
   * Deletes a tag or a manifest. What is not there after an attempt whose answer did not come is gone by that one. Throws as
   * `deleteManifest` does.
   */
  async delete(reference: string, { signal, waiter }: Asker = {}): Promise<void> {
    let tried = false;
    const attempt = async (): Promise<void> => {
      try {
        await this.#ask(() => this.#client.deleteManifest(reference, { signal, waiter }));
      } catch (error) {
        if (tried && isNotFound(error)) return;
        tried = true;
        throw error;
      }
    };
    try {
      await retry(attempt, { policy: this.#backoff, signal, waiter });
    } catch (error) {
      throw await explainNotFound(error, this.#client, { signal });
    }
  }

  /** Asks the registry for something. Whatever goes wrong with that is its endpoint's. */
  #ask<T>(work: () => Promise<T>): Promise<T> {
    return blaming(this.endpoint, work);
  }

  async abandon({ digest }: Descriptor): Promise<void> {
    const session = this.#sessions.get(digest);
    this.#sessions.delete(digest);
    if (session) await this.#giveUp(session, AbortSignal.timeout(this.#abandonTimeoutMs));
  }

  async #giveUp(session: UploadSession, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#client.cancelUpload(session, { signal });
    } catch (error) {
      this.#onLeftover(error);
    }
  }

  async #pushBlob(
    descriptor: Descriptor,
    content: PushedContent,
    options: PushContentOptions,
  ): Promise<PushOutcome> {
    const { digest } = descriptor;
    if (this.#present.has(digest)) return { kind: "exists" };
    const outcome = await this.#withoutUpload(descriptor, options);
    if (!outcome) {
      await this.#upload(descriptor, content, options);
      this.#sessions.delete(digest);
    }
    this.#present.add(digest);
    await this.#mounts.succeeded(descriptor);
    return outcome ?? { kind: "uploaded" };
  }

  async #upload(descriptor: Descriptor, content: PushedContent, options: PushContentOptions): Promise<void> {
    const { digest } = descriptor;
    const { signal, waiter, flow, onBytes } = options;
    await using reader = await content.readerAt(descriptor, options);
    const source = sourceOf(descriptor, reader);
    try {
      await this.#client.uploadBlob(source, {
        signal,
        waiter,
        flow,
        onBytes,
        session: this.#sessions.get(digest),
        onSession: (session) => this.#sessions.set(digest, session),
        onLeftover: this.#onLeftover,
      });
    } catch (error) {
      const failure = source.failure
        ? source.failure.error
        : await explainFailure(blamed(error, this.endpoint), { content, descriptor }, { signal });
      // Wrong bytes must not be the start of the next attempt.
      if (isDataLoss(failure) && isRetryable(failure)) await this.abandon(descriptor);
      throw failure;
    }
  }

  /** What needs no bytes: the blob is there, or can be mounted. A broken upload is rather finished. */
  async #withoutUpload(
    descriptor: Descriptor,
    { signal, waiter }: PushContentOptions,
  ): Promise<PushOutcome | undefined> {
    const { digest, size } = descriptor;
    if (this.#sessions.has(digest)) return undefined;
    const isThere = await this.#ask(() => this.#client.hasBlob(digest, { size, signal, waiter }));
    if (isThere) return { kind: "exists" };
    for (const from of await this.#mounts.candidates(descriptor)) {
      if (await this.#mount(descriptor, from, { signal, waiter })) return { kind: "mounted", from };
    }
    return undefined;
  }

  async #mount(descriptor: Descriptor, from: string, asker: Asker): Promise<boolean> {
    const { digest } = descriptor;
    const { signal } = asker;
    try {
      const result = await this.#client.mountBlob(digest, from, asker);
      if (result.kind === "mounted") return true;
      const superfluous = this.#sessions.get(digest);
      this.#sessions.set(digest, result.session); // declined: the upload goes on in the session that came instead
      if (superfluous) await this.#giveUp(superfluous, signal);
      await this.#mounts.failed(descriptor, from, undefined);
    } catch (error) {
      // A mount is only a short cut: what a registry has against it must not stop the upload.
      const found = findError(error);
      if (!found || found.notSent || signal?.aborted) throw error;
      await this.#mounts.failed(descriptor, from, error);
    }
    return false;
  }

  async #putManifest(
    descriptor: Descriptor,
    content: Provider,
    options: PushContentOptions,
  ): Promise<PushOutcome> {
    const { digest, mediaType } = descriptor;
    const { signal, waiter, tag } = options;
    const asker = { signal, waiter };
    const bytes = await readBlob(content, descriptor, { maxBytes: MAX_MANIFEST_BYTES, signal });
    const exists = await this.#ask(() => this.#client.hasManifest(tag ?? digest, digest, asker));
    const { keepsReferrers } = exists
      ? { keepsReferrers: false } // an earlier push may have ended before it was listed
      : await this.#ask(() => this.#client.putManifest(tag ?? digest, { mediaType, bytes, digest }, asker));
    if (!keepsReferrers) await this.#listReferrer(descriptor, bytes, asker);
    return { kind: exists ? "exists" : "uploaded" };
  }

  /** Does the registry's work for it: lists a manifest that has a subject among the subject's referrers. */
  async #listReferrer(descriptor: Descriptor, bytes: Uint8Array, asker: Asker): Promise<void> {
    const referral = referralOf(descriptor, bytes);
    if (!referral) return;
    const release = await this.#referrerTurns.acquire(`${this.endpoint} ${referral.subject}`, asker);
    try {
      await this.#ask(() => addReferrer(this.#client, referral, asker));
    } finally {
      release();
    }
  }
}

/** A blob's bytes out of the store, and what went wrong there: that is not the registry's fault. */
type StoredSource = BlobSource & { failure: { readonly error: unknown } | undefined };

function sourceOf({ digest, size }: Descriptor, reader: ReaderAt): StoredSource {
  const source: StoredSource = {
    digest,
    size,
    failure: undefined,
    read: (offset, endOffset = size) =>
      isStreaming(reader) ? reader.chunks(offset, endOffset) : chunksOf(reader, offset, endOffset),
    onFailure(error) {
      source.failure = { error };
    },
  };
  return source;
}

function chunksOf(reader: ReaderAt, offset: number, endOffset: number): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, endOffset - offset));
  let at = offset;
  const next = async (): Promise<number> => {
    const wanted = Math.min(READ_BYTES, endOffset - at);
    return wanted > 0 ? await reader.readAt(buffer.subarray(0, wanted), at) : 0;
  };
  const take = (count: number): Uint8Array | undefined => {
    at += count;
    return count > 0 ? buffer.subarray(0, count) : undefined;
  };
  return new Pulled({ next, take, close() {} });
}
