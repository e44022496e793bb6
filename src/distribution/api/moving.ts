import type { Writable } from "node:stream";
import type { AbortOptions } from "../../async/abort.ts";
import type { LiveBandwidth } from "../../bandwidth/live-bandwidth.ts";
import type { BandwidthLimit } from "../../bandwidth/timetable.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { ProgressSink, StepSink } from "../../progress/progress.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { LivePriority, Priority } from "../../xfer/live-priority.ts";
import type { ServedContent, TakenContent } from "./moved-content.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";
import type { VerifyImage } from "./verify.ts";

/** A content that is asked for by itself: a descriptor will do. */
export type WantedBlob = Pick<Descriptor, "digest" | "size"> & Partial<Pick<Descriptor, "mediaType">>;

/** What moving one content may be told. */
export interface BlobOptions extends AbortOptions {
  /**
   * Credentials for the reference's own registry, in place of the configured ones. Never sent to a mirror.
   * @defaultValue the `credentials` of the engine
   * @example auth: { username: "jane", password: "correct horse" }
   */
  readonly auth?: Credentials | undefined;
  /**
   * Sent with every registry request; names start with `X-Meta-`.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * For whom it is moved, as in `PullOptions.group`.
   * @defaultValue a group of its own
   * @example group: "tenant-7"
   */
  readonly group?: string | undefined;
  /**
   * How fast it may come, as in `PullOptions.bandwidth`.
   * @unit bytes per second
   * @defaultValue no limit of its own
   * @example bandwidth: "10M"
   */
  readonly bandwidth?: BandwidthLimit | LiveBandwidth | undefined;
  /**
   * Longest time for all of it, in milliseconds; then it rejects with `ErrDeadlineExceeded`.
   * @defaultValue as long as bytes come
   * @example timeoutMs: 600_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Progress in docker's words.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
}

/** Where a content was fetched from. */
export interface FetchedBlob {
  /** Origin of the endpoint that served the end of it; absent when it was here. */
  readonly endpoint: string | undefined;
  /** The endpoints that were asked before and could not serve, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
}

/** What a copy may be told. */
export interface CopyOptions extends AbortOptions {
  /**
   * Copy only what an index has for these, each `os/arch[/variant]`: of one its image itself, of several an index of their
   * entries, whose digest is another one.
   * @defaultValue everything that the name points at, byte for byte
   * @avoid where signatures of the index have to stay good: an index of fewer entries has another digest
   * @example platforms: ["linux/amd64", "linux/arm64"]
   */
  readonly platforms?: readonly string[] | undefined;
  /**
   * Whether signatures, attestations and whatever else refers to what is copied come along, and what refers to those. A registry
   * that keeps no referrers is given the list under the fallback tag.
   * @defaultValue `false`
   * @example referrers: true
   */
  readonly referrers?: boolean | undefined;
  /**
   * Copy every tag of the repository; both names then have neither tag nor digest.
   * @defaultValue `false`
   * @example allTags: true
   */
  readonly allTags?: boolean | undefined;
  /**
   * Whether blobs are checked on their way as well, before their last bytes go to the other registry. Every registry is to refuse what
   * has not the digest that it was announced with; only after a refusal they are checked here otherwise, on their second way, and whoever
   * gave wrong bytes is left out. An upload that another copy has begun is shared as it is.
   * @defaultValue `false`: a third of the CPU time of a copy is saved
   * @example checkBlobs: true
   */
  readonly checkBlobs?: boolean | undefined;
  /**
   * Asked, before anything goes to the other registry, whether the image may be copied, as in `PullOptions.verify`. What refers to it
   * is not asked about.
   * @defaultValue nobody is asked
   * @example verify: ({ reference }) => reference.includes("/team/")
   */
  readonly verify?: VerifyImage | undefined;
  /**
   * Credentials for the registry that it comes from, in place of the configured ones. Never sent to a mirror.
   * @defaultValue the `credentials` of the engine
   * @example fromAuth: { username: "jane", password: "correct horse" }
   */
  readonly fromAuth?: Credentials | undefined;
  /**
   * Credentials for the registry that it goes to, in place of the configured ones.
   * @defaultValue the `credentials` of the engine
   * @example toAuth: { identityToken: "a refresh token" }
   */
  readonly toAuth?: Credentials | undefined;
  /**
   * Sent with every registry request of this copy; names start with `X-Meta-`.
   * @defaultValue none
   * @example metaHeaders: { "X-Meta-Tenant": "7" }
   */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /**
   * Higher goes first among uploads that wait for a slot; a `LivePriority` can be changed meanwhile.
   * @unit none, any finite number
   * @defaultValue 0
   * @example priority: 10
   */
  readonly priority?: Priority | LivePriority | undefined;
  /**
   * For whom it is copied, as in `PullOptions.group`.
   * @defaultValue a group of its own
   * @example group: "tenant-7"
   */
  readonly group?: string | undefined;
  /**
   * How fast its blobs may come and go, as in `PullOptions.bandwidth`.
   * @unit bytes per second
   * @defaultValue no limit of its own
   * @example bandwidth: { down: "10M", up: "5M" }
   */
  readonly bandwidth?: BandwidthLimit | LiveBandwidth | undefined;
  /**
   * Longest time for all of it, in milliseconds; then it rejects with `ErrDeadlineExceeded`.
   * @defaultValue as long as bytes move
   * @example timeoutMs: 600_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Progress: first a plan, then each step in docker's words and as data, and a summary twice a second.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress.kind)
   */
  readonly onProgress?: ProgressSink | undefined;
}

/** One name that a copy put in place. */
export interface CopiedImage {
  /** The full name that it was copied from. */
  readonly from: string;
  /** The full name that it has now. */
  readonly name: string;
  readonly target: Descriptor;
  /** What came along because it refers to the image. */
  readonly referrers: readonly Descriptor[];
  /** Origin of the endpoint that told what it is. */
  readonly source: string;
  /** Origin of the endpoint that took it. */
  readonly endpoint: string;
}

/** What a copy did. */
export interface CopyResult {
  /** The name that it has now, in full form. */
  readonly reference: string;
  /** Digest of the (last) image copied. */
  readonly digest: Digest;
  /** One image, or one per tag with `allTags`. */
  readonly images: readonly CopiedImage[];
  /** Origin of the endpoint that took the (last) image. */
  readonly endpoint: string;
  /** The endpoints that were asked before and could not serve or take it, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
  /** Which endpoint blobs came from; of what was mounted, or was there or here, there is none. */
  readonly served: readonly ServedContent[];
  /** What endpoints took, also through an upload that somebody else began; not what they had. */
  readonly taken: readonly TakenContent[];
}

/** What moves between registries and elsewhere without being kept in the data root. */
export interface Moving {
  /**
   * The bytes of one content, from the store if they are here, otherwise from the repository of `reference`, by mirrors and registries
   * with the fallback of a pull. Nothing is written. A connection that breaks is opened again where it stood. Each chunk is a fresh
   * one, asked for when the one before was taken; whoever leaves the loop closes the connection. The last chunk comes only when the digest of
   * all is right: whoever has got them all has the content, and an iteration that ends with `ErrDataLoss` has given something else.
   * Throws as `pull` does when it is iterated over.
   */
  openBlob(reference: string, blob: WantedBlob, options?: BlobOptions): AsyncIterable<Uint8Array>;
  /**
   * The same into a file or a stream. A path is replaced atomically, once all of it is verified and durable; what has come before
   * stays beside it, in `<path>.<12 digits of the digest>.partial`, and the next call, of whatever process, goes on there; several
   * calls for the same wait for each other. A path that has the content already is left as it is. A stream stays its owner's, to end or to
   * destroy. Throws as `openBlob` does, the stream's own errors, and the classes of the disk's errors.
   */
  fetchTo(
    reference: string,
    blob: WantedBlob,
    target: string | Writable,
    options?: BlobOptions,
  ): Promise<FetchedBlob>;
  /**
   * Copies an image, or whatever else a name points at, from one registry to another, or within one. Nothing is written here. What is
   * there is not sent, what the registry has in another repository is mounted, every other blob comes once and goes on as it comes, verified
   * on the way. Blobs go before what names them, referrers after what they are about, the tag last; documents are copied byte for byte.
   * Blobs that are here are not asked for. Both sides go on where they stood when a connection breaks; a blob whose bytes were wrong begins
   * again, without the endpoint that gave them. Concurrent copies and pushes to one repository share uploads. Throws as `pull` and `push`
   * do; what failed at the source for good has its endpoint on its `cause`.
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<CopyResult>;
}
