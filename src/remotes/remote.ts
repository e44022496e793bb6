import type { AbortOptions } from "../async/abort.ts";
import type { BackoffPolicy } from "../async/backoff.ts";
import type { Waiter } from "../async/waiting.ts";
import type { Flow } from "../bandwidth/flow.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import type { Place } from "../registry/http/send.ts";
import type { Source } from "./source.ts";
import type { PourInto } from "./threads/poured.ts";

/** How patiently something is asked for. */
export interface AskOptions extends AbortOptions {
  /**
   * Waits between attempts, and shows for how long.
   * @defaultValue one that shows nothing
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
}

/** Which referrers are asked for. */
export interface AskReferrersOptions extends AskOptions {
  /**
   * Only those of this type.
   * @defaultValue all
   * @example artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json"
   */
  readonly artifactType?: string | undefined;
}

/** How a reference is resolved. */
export interface ResolveOptions extends AskOptions {
  /**
   * Reads the bytes at once, whatever the registry would promise: for a promise that it did not keep.
   * @defaultValue `false`
   * @example withBytes: true
   */
  readonly withBytes?: boolean | undefined;
  /**
   * Whether what the reference named before is here, so that digest and size may be all that is wanted. If not, the document
   * itself is asked for at once, unless another one of the repository came from the same source.
   * @defaultValue it may be
   * @example isKnown: () => Promise.resolve(false)
   */
  readonly isKnown?: (() => Promise<boolean>) | undefined;
  /**
   * Whether blobs will be asked for next: connections for them are opened while a document is on its way.
   * @defaultValue `false`
   * @example blobsFollow: true
   */
  readonly blobsFollow?: boolean | undefined;
}

/** What a registry says a reference points at. */
export interface Resolver {
  /**
   * Asks for the manifest behind a tag or digest. The registry's digest and size are promises to be checked when the
   * bytes arrive; where it makes none, the bytes are read at once and travel in `data`. Throws `ErrNotFound`,
   * `ErrUnauthenticated`, `ErrPermissionDenied`, `ErrNotImplemented` (schema 1), `ErrUnavailable`, ...
   */
  resolve(reference: NormalizedReference, options?: ResolveOptions): Promise<Descriptor>;
}

/** Takes bytes in order. They may be overwritten once the call returns, or once its promise settles. */
export type ByteSink = (bytes: Uint8Array) => void | Promise<void>;

/** Content on its way from a remote. One of `pipeTo`, `pour` and `discard` is called, once. */
export interface RemoteContent {
  /** Where the bytes start: what was asked for, or 0 when the remote cannot start elsewhere. */
  readonly offset: number;
  /** Where a part ends that was asked for; absent for all that follows. What a server sends behind it is not the content's. */
  readonly end?: number | undefined;
  /** Streams to the end of the content. Rejects with a retryable error when the connection breaks. */
  pipeTo(sink: ByteSink): Promise<void>;
  /**
   * The same into the place that was named for it. Absent when the content does not come where that is.
   */
  pour?(into: PourInto): Promise<void>;
  /** Says that the bytes were wrong. Present where they may be another content's, and come right when they are asked for once more. */
  readonly doubt?: (() => void) | undefined;
  /** Gives the content up and frees the connection. */
  discard(): Promise<void>;
}

/** How content is fetched. */
export interface FetchOptions extends AbortOptions {
  /**
   * Bytes that are there already; the answer starts behind them if the remote can.
   * @unit bytes
   * @defaultValue 0
   * @example offset: 10
   */
  readonly offset?: number | undefined;
  /**
   * Where the content is to be poured, if it comes there.
   * @hidden no door has what it takes
   */
  readonly place?: Place | undefined;
  /**
   * How fast it may come.
   * @hidden no door has what it takes
   */
  readonly flow?: Flow | undefined;
  /**
   * Waits for what has to be waited for before the content comes, such as a slow token server.
   * @defaultValue nobody is told
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
}

/** How a part of content is fetched. */
export interface FetchPartOptions extends FetchOptions {
  /**
   * Position of its first byte.
   * @unit bytes
   * @example offset: 0, end: 10
   */
  readonly offset: number;
  /**
   * Position behind its last byte.
   * @unit bytes
   * @example offset: 10, end: 20
   */
  readonly end: number;
}

/** Gets content by descriptor. */
export interface Fetcher {
  /** Opens the content. One attempt; nothing is verified here except that a range is the one asked for. */
  fetch(descriptor: Descriptor, options?: FetchOptions): Promise<RemoteContent>;
  /**
   * Opens a part of the content and nothing else; `undefined` when that cannot be had. Absent where it never can.
   */
  fetchPart?(descriptor: Descriptor, options: FetchPartOptions): Promise<RemoteContent | undefined>;
}

/** A repository at one endpoint. */
export interface Remote extends Resolver, Fetcher {
  /** Origin of the endpoint, for errors. */
  readonly endpoint: string;
  /** Whom a failure is blamed on, together with all who ask the same with the same identity. */
  readonly source: Source;
  /** How patiently documents are asked for here. */
  readonly backoff: BackoffPolicy;
}
