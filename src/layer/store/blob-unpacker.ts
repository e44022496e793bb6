import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";

/** How the file of a blob grows. */
export interface BlobGrowth {
  /** Bytes of the whole blob. */
  readonly size: number;
  /** How many of its first bytes are there: see `UnpackJob.available`. */
  readonly available: SharedArrayBuffer;
}

/** One blob to be unpacked. */
export interface UnpackOrder {
  /** File with the blob: whole and verified, unless it grows. */
  readonly blobPath: string;
  /** How it grows, if it does. */
  readonly growth?: BlobGrowth | undefined;
  /** Digest of the uncompressed layer. */
  readonly diffId: Digest;
  /** Empty directory for the layer's files. */
  readonly directory: string;
  /** Links of lower layers that lead to directories of this one's entries. Absent: none is known. */
  readonly lowerLinks?: ReadonlyMap<ByteString, ByteString> | undefined;
  /** Whether there are layers below of which something may be hidden. */
  readonly hides: boolean;
}

/** What was in a layer, as far as a store keeps or mends it. */
export interface Unpacked
  extends Pick<
    UnpackOutcome,
    | "entries"
    | "bytes"
    | "implicitParents"
    | "assumedParents"
    | "crossLinks"
    | "whiteouts"
    | "opaque"
    | "attributed"
  > {
  /** In which form the files show what the layer hides. */
  readonly overlay: HostAbilities["overlay"];
  /** What the host could not make, in words. */
  readonly missing: readonly string[];
}

/** How far a layer is unpacked. */
export interface Unpacking {
  /** Bytes of the blob that are done. */
  readonly bytes: number;
  /** Entries of the archive that are done. */
  readonly entries: number;
}

/** How a blob is unpacked. */
export interface UnpackingOptions extends AbortOptions {
  /**
   * Told a few times a second how far it is.
   * @defaultValue nobody is told
   * @example onProgress: (done) => console.log(done)
   */
  readonly onProgress?: ((done: Unpacking) => void) | undefined;
  /**
   * Told when it has to wait for a thread.
   * @defaultValue nobody is told
   * @example onWait: () => console.log("all threads are busy")
   */
  readonly onWait?: (() => void) | undefined;
}

/** What unpacks blobs for a store. */
export interface BlobUnpacker {
  /** A layer will come: does what takes its time before it can be unpacked. What fails then fails again with the layer. */
  getReady?(): void;
  /**
   * Unpacks a blob and verifies its diffID. Throws `ErrDataLoss` for a blob that is damaged or has another diffID,
   * `ErrInvalidArgument` for unacceptable entries, `ErrResourceExhausted` for a layer beyond the limits, `ErrUnavailable` (worth
   * another try) when the thread that did it died, `ErrCanceled`, and the classes of `diskError`.
   */
  unpack(order: UnpackOrder, options: UnpackingOptions): Promise<Unpacked>;
}
