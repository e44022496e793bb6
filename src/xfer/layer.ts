import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import type { GrowingBlob, GrowthSink } from "./growing-blob.ts";
import type { SlotWants } from "./slot-limits.ts";
import type { MovingContext, TransferContext } from "./transfer-context.ts";

/** What one attempt at a download runs with. */
export interface DownloadContext extends MovingContext {
  /** Told where the blob grows, if a download can tell. Absent when nobody reads along. */
  readonly growth?: GrowthSink | undefined;
  /** To be called when all bytes are here, before what is left to do: the source may be asked for others. */
  readonly received: () => void;
}

/** A layer to be downloaded, as the download manager needs to know it: no registry, no disk, no format. */
export interface DownloadDescriptor extends SlotWants {
  /** Equal keys are the same bytes: one transfer serves them all. */
  readonly key: string;
  /** Under which id progress is shown: 12 hexadecimal digits. */
  readonly id: string;
  /** Digest of the layer's blob, when it is known before the blob is here. */
  readonly digest?: Digest | undefined;
  /** Digest of the uncompressed layer, when the image's config tells it. */
  readonly diffId?: Digest | undefined;
  /** Who is asked for it, and by whom: see `TransferOptions`. Default: a source that is this caller's alone. */
  readonly source?: string | undefined;
  /** Longest `Retry-After` of its source that is waited out, in milliseconds. Default: the manager's. */
  readonly maxRetryAfterMs?: number | undefined;
  /** Whether the blob needs no download. */
  exists(options?: AbortOptions): Promise<boolean>;
  /** The blob, once it needs no download; the caller closes it. Absent where nobody makes layers of blobs. */
  open?(options?: AbortOptions): Promise<BlobBytes>;
  /**
   * One attempt to bring the blob in, verified. Partial data stays for the next attempt, whoever makes it. The error says
   * whether another attempt makes sense (`isRetryable`) and whether the source is to blame (`endpoint`).
   */
  download(context: DownloadContext): Promise<void>;
}

/** The bytes of a blob that is here, whole and verified. Iterated over once at most. */
export interface BlobBytes extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** Size in bytes. */
  readonly size: number;
  /** The file that holds them, good until this is closed, if they are in one. */
  readonly path: string | undefined;
}

/** A registered layer; the holder gives it back to the target. */
export interface Layer {
  readonly chainId: Digest;
  /** What of the blob could not be made, in words. Default: all of it could. */
  readonly missing?: readonly string[] | undefined;
}

/** Where in a chain a layer belongs. */
export interface LayerPlace {
  readonly chainId: Digest;
  /** Chain ID of the layer below; absent for the lowest. */
  readonly parent: Digest | undefined;
}

/**
 * Where downloaded blobs become layers. Registration happens in chain order, one layer after its parent, while
 * downloads run in parallel.
 */
export interface LayerTarget {
  /**
   * Whether it makes layers one after the other, which takes longer than bringing the next one: of large blobs the lower one has a
   * head start then. Default false.
   */
  readonly isSequential?: boolean | undefined;
  /** Layers are likely to come: begins what takes its time before the first one can be made. Must not throw. Absent: there is nothing. */
  getReady?(): void;
  /** The layer of this chain if it is there, with a reference held for the caller. */
  get(chainId: Digest, options?: AbortOptions): Promise<Layer | undefined>;
  /**
   * Does what can be done for a layer as soon as its blob is there, whatever becomes of those below; what remains is for
   * `register`. Resolves to what throws the work away if it is not registered after all.
   */
  prepare?(
    blob: DownloadDescriptor,
    place: LayerPlace,
    context: TransferContext,
  ): Promise<() => Promise<void>>;
  /**
   * Does the same, and begins while the blob is on its way: it is asked for a layer as soon as the download is, instead of
   * `prepare`. Must not resolve before the blob is whole. Absent: there is nothing to be done before.
   */
  follow?(
    blob: DownloadDescriptor,
    growing: GrowingBlob,
    place: LayerPlace,
    context: TransferContext,
  ): Promise<() => Promise<void>>;
  /**
   * Makes the blob a layer on its parent, which the caller holds, and holds a reference for the caller; the one that somebody else
   * has made meanwhile will do. Throws `ErrDataLoss` for a wrong diffID, and `ErrNotFound` when the parent is not there.
   */
  register(blob: DownloadDescriptor, place: LayerPlace, context: TransferContext): Promise<Layer>;
  /**
   * Says that an image, by the digest of its config, needs a layer and all below it as long as it has a name, whoever releases
   * them. Whoever calls this holds the layer. Absent where references are all that keeps layers.
   */
  keep?(config: Digest, chainId: Digest, options?: AbortOptions): Promise<void>;
  /** Drops one reference. */
  release(layer: Layer): Promise<void>;
}
