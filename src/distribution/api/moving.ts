import type { Writable } from "node:stream";
import type { AbortOptions } from "../../async/abort.ts";
import type { LiveBandwidth } from "../../bandwidth/live-bandwidth.ts";
import type { BandwidthLimit } from "../../bandwidth/timetable.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { StepSink } from "../../progress/progress.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";
import type { PassedEndpoint } from "./passed-endpoint.ts";

/** A content that is asked for by itself: a descriptor will do. */
export type WantedBlob = Pick<Descriptor, "digest" | "size"> & Partial<Pick<Descriptor, "mediaType">>;

/** What moving one content may be told. */
export interface BlobOptions extends AbortOptions {
  /** Credentials for the reference's own registry, in place of the configured ones. Never sent to a mirror. */
  readonly auth?: Credentials | undefined;
  /** Sent with every registry request; names start with `X-Meta-`. */
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
  /** For whom it is moved, as in `PullOptions.group`. Default: a group of its own. */
  readonly group?: string | undefined;
  /** How fast it may come, as in `PullOptions.bandwidth`. */
  readonly bandwidth?: BandwidthLimit | LiveBandwidth | undefined;
  /** Longest time for all of it, in milliseconds; then it rejects with `ErrDeadlineExceeded`. Default: as long as bytes come. */
  readonly timeoutMs?: number | undefined;
  /** Progress in docker's words. */
  readonly onProgress?: StepSink | undefined;
}

/** Where a content was fetched from. */
export interface FetchedBlob {
  /** Origin of the endpoint that served the end of it; absent when it was here. */
  readonly endpoint: string | undefined;
  /** The endpoints that were asked before and could not serve, oldest first. */
  readonly passedOver: readonly PassedEndpoint[];
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
}
