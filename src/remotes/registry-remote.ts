import type { BackoffPolicy } from "../async/backoff.ts";
import { retry } from "../async/retry.ts";
import type { StartCall } from "../async/shared-calls.ts";
import { algorithmOf, type Digest, digestOf } from "../digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { DOCKER_SCHEMA1_MANIFEST, isIndexType, isManifestType } from "../oci/media-types.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import { isWholeRegistry } from "../registry/endpoints/api-root.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";
import type { RegistryClient } from "../registry/pull/registry-client.ts";
import type { ManifestOptions } from "../registry/repository/manifests.ts";
import { blamed, blaming } from "./blame.ts";
import { contentOf } from "./body-content.ts";
import { explainNotFound } from "./explain-not-found.ts";
import { RangeTrials } from "./range-trials.ts";
import type {
  AskOptions,
  AskReferrersOptions,
  FetchOptions,
  FetchPartOptions,
  Remote,
  RemoteContent,
  ResolveOptions,
} from "./remote.ts";
import { Resolutions } from "./resolutions.ts";
import type { Source } from "./source.ts";

/**
 * Blobs for which connections are opened while a manifest is on its way that is new here: as many as most images have layers, and as
 * browsers open to a host for what a page may need.
 */
const BLOBS_EXPECTED = 6;

/** What a remote is made of. */
export interface RegistryRemoteOptions {
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
   * How patiently documents are asked for.
   * @example backoff: DEFAULT_BACKOFF
   */
  readonly backoff: BackoffPolicy;
  /**
   * Requests of resolvers that are shared by all of the same `source`.
   * @hidden no door has what it takes
   */
  readonly resolutions?: Resolutions | undefined;
}

/** A repository at one endpoint, seen as Resolver and Fetcher. */
export class RegistryRemote implements Remote {
  readonly endpoint: string;
  readonly source: Source;
  readonly backoff: BackoffPolicy;
  readonly #client: RegistryClient;
  readonly #resolutions: Resolutions;
  /** Whether what is asked for at the root of its API holds for the repository under the name that is known here. */
  readonly #rootFirst: boolean;
  readonly #ranges = new RangeTrials();

  /**
   * A mirror gets one attempt for a document, whatever `backoff` says, and no pause that it asks for is waited out: the next
   * endpoint is the better second one.
   */
  constructor(client: RegistryClient, options: RegistryRemoteOptions) {
    const { endpoint, source, backoff, resolutions = new Resolutions() } = options;
    this.#client = client;
    this.#resolutions = resolutions;
    this.#rootFirst = isWholeRegistry(endpoint);
    this.endpoint = originOf(endpoint);
    this.source = source ?? this.endpoint;
    this.backoff = endpoint.mirror ? { ...backoff, maxAttempts: 1, maxRetryAfterMs: 0 } : backoff;
  }

  resolve(reference: NormalizedReference, options: ResolveOptions = {}): Promise<Descriptor> {
    const key = JSON.stringify([this.source, wantedOf(reference), options.withBytes === true]);
    const { withBytes, isKnown, blobsFollow, signal, waiter } = options;
    const ask: StartCall<Descriptor> = (shared, sharers) =>
      this.#resolveOnce(reference, key, { withBytes, isKnown, blobsFollow, signal: shared, waiter: sharers });
    const reason = { code: "host", words: `Waiting for ${new URL(this.endpoint).host}` } as const;
    // One request is shared, not the attempts around it: how long to insist, and until when, is everybody's own matter.
    return this.#insist(options, () => this.#resolutions.run(key, ask, { reason, signal, waiter }));
  }

  async #resolveOnce(
    reference: NormalizedReference,
    key: string,
    options: ResolveOptions,
  ): Promise<Descriptor> {
    const { withBytes, signal, waiter } = options;
    const asker = { signal, waiter };
    if (withBytes) return await this.#resolveByGet(reference, asker);
    const isNew = await this.#isNew(reference, options);
    const coming = this.#resolutions.coming(key);
    if (isNew && !coming) {
      const followedBy = options.blobsFollow ? BLOBS_EXPECTED : 0;
      const needed = { rootFirst: this.#rootFirst, followedBy };
      const get = () => this.#resolveByGet(reference, { ...asker, ...needed });
      return await this.#resolutions.bring(key, this.source, get);
    }
    const head = await this.#client.headManifest(wantedOf(reference), asker);
    if (!head) return await this.#resolveByGet(reference, asker);
    return coming?.resolved?.digest === head.digest ? coming.resolved : head; // with its bytes, which need not come twice
  }

  /**
   * Whether the document has to come in any case: there is nothing here that could be it. A HEAD before would tell nothing new, but
   * what the endpoint asks for, and its root tells that as well. Once a document of the repository came, others may be the same one
   * under another tag, and registries that count pulls do not count HEAD.
   */
  async #isNew({ digest }: NormalizedReference, { isKnown }: ResolveOptions): Promise<boolean> {
    if (isKnown === undefined || (await isKnown())) return false;
    return digest !== undefined || !this.#resolutions.hasDocument(this.source);
  }

  fetch(descriptor: Descriptor, options: FetchOptions = {}): Promise<RemoteContent> {
    const { mediaType } = descriptor;
    return blaming(this.endpoint, () =>
      isManifestType(mediaType) || isIndexType(mediaType)
        ? this.#fetchDocument(descriptor, options)
        : this.#fetchBlob(descriptor, options),
    );
  }

  async #fetchDocument(
    { mediaType, digest, size }: Descriptor,
    { signal, waiter }: FetchOptions,
  ): Promise<RemoteContent> {
    const accept = [mediaType, "*/*"];
    const { bytes } = await this.#client.getManifest(digest, { accept, signal, waiter });
    if (bytes.length !== size && digestOf(bytes, algorithmOf(digest)) === digest) {
      // The right bytes: what is wrong is the size that somebody gave for them, and asking again does not change it.
      const message = `fetch ${digest}: got ${bytes.length} bytes, wanted ${size}`;
      throw new ErrDataLoss(message, { digest, retryable: false });
    }
    return bytesContent(bytes);
  }

  async #fetchBlob(
    { digest, size }: Descriptor,
    { offset = 0, place, flow, signal, waiter }: FetchOptions,
  ): Promise<RemoteContent> {
    const opened = await this.#ranges.open(digest, offset, (from) =>
      this.#client.openBlob(digest, { offset: from, size, place, flow, signal, waiter }),
    );
    return contentOf(opened, this.endpoint);
  }

  fetchPart(
    { mediaType, digest, size }: Descriptor,
    { offset, end, place, flow, signal, waiter }: FetchPartOptions,
  ): Promise<RemoteContent | undefined> {
    return blaming(this.endpoint, async () => {
      if (isManifestType(mediaType) || isIndexType(mediaType)) return undefined;
      const asked = { offset, end, size, place, flow, signal, waiter };
      const opened = await this.#client.openBlobPart(digest, asked);
      return opened && { ...contentOf(opened, this.endpoint), end };
    });
  }

  /** Every tag of the repository, in the registry's order. Throws like `resolve`. */
  tags(options: AskOptions = {}): Promise<readonly string[]> {
    return this.#insist(options, async () => {
      const tags: string[] = [];
      for await (const tag of this.#client.listTags(options)) tags.push(tag);
      return tags;
    });
  }

  /** What refers to a manifest of the repository, see `listReferrers`. Throws like `resolve`. */
  referrers(digest: Digest, options: AskReferrersOptions = {}): Promise<readonly Descriptor[]> {
    return this.#insist(options, () => this.#client.referrers(digest, options));
  }

  async #insist<T>({ signal, waiter }: AskOptions, ask: () => Promise<T>): Promise<T> {
    try {
      return await retry(() => blaming(this.endpoint, ask), { policy: this.backoff, signal, waiter });
    } catch (error) {
      throw blamed(await explainNotFound(error, this.#client, { signal }), this.endpoint);
    }
  }

  /** The bytes are here then, so they travel with the descriptor and need not be asked for again. */
  async #resolveByGet(reference: NormalizedReference, options: ManifestOptions): Promise<Descriptor> {
    const { bytes, mediaType, digest } = await this.#client.getManifest(wantedOf(reference), options);
    return {
      mediaType: this.#knownType(mediaType, reference),
      digest: reference.digest ?? digest ?? digestOf(bytes),
      size: bytes.length,
      data: Buffer.from(bytes).toString("base64"),
    };
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

function wantedOf({ digest, tag = "latest" }: NormalizedReference): string {
  return digest ?? tag;
}

function bytesContent(bytes: Uint8Array): RemoteContent {
  return {
    offset: 0,
    async pipeTo(sink) {
      await sink(bytes);
    },
    async discard() {},
  };
}
