import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import type { UnpackLimits } from "../unpack/unpack-limits.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";

/** One layer to be unpacked. Everything in it can go to another thread. */
export interface UnpackJob {
  /** The blob on disk: plain, or compressed in gzip or zstd. */
  readonly blobPath: string;
  /** Bytes of the blob. */
  readonly size: number;
  /** Digest of the blob, to be verified on the way. Absent when it was before. */
  readonly digest?: Digest | undefined;
  /** What the uncompressed layer has to be. */
  readonly diffId: Digest;
  /** An empty directory that nobody else touches. Whatever is in it after a failure is the caller's to remove. */
  readonly directory: string;
  readonly limits: UnpackLimits;
  readonly host: HostAbilities;
  /** Links of lower layers that lead to directories of this one's entries. Absent: none is known. */
  readonly lowerLinks?: ReadonlyMap<ByteString, ByteString> | undefined;
  /** Whether there are layers below of which something may be hidden. Absent: there are. */
  readonly hides?: boolean | undefined;
  /**
   * How much of a blob that still grows may be read, in bytes: one `BigInt64` that is stored with `Atomics`, and is negative when
   * no more will come. Absent when the blob is whole.
   */
  readonly available?: SharedArrayBuffer | undefined;
}

/** How far a job has come. */
export interface UnpackProgress {
  /** Bytes of the blob that were read. */
  readonly bytesIn: number;
  /** Bytes that they became without their compression. */
  readonly bytesOut: number;
  readonly entries: number;
}

/** How a job is run. */
export interface UnpackOptions extends AbortOptions {
  /**
   * Sees the progress a few times a second, and once more at the end.
   * @defaultValue nobody is told
   * @example onProgress: (progress) => console.log(progress)
   */
  readonly onProgress?: ((progress: UnpackProgress) => void) | undefined;
  /**
   * Told when all threads are busy, so that the job has to wait.
   * @defaultValue nobody is told
   * @example onWait: () => console.log("all threads are busy")
   */
  readonly onWait?: (() => void) | undefined;
}

/** Whoever unpacks layers. */
export interface Unpacker {
  /**
   * Unpacks a layer. When it rejects, nobody touches the directory any more. Throws `ErrDataLoss` for a blob or content that is
   * not what it has to be, `ErrInvalidArgument` for an entry that no layer may have, `ErrNotImplemented` for a compression that
   * nobody knows, `ErrResourceExhausted` beyond a limit or on a full disk, `ErrUnavailable` (worth another try) when the thread
   * that did it died, the classes of `diskError`, and the abort error.
   */
  unpack(job: UnpackJob, options?: UnpackOptions): Promise<UnpackOutcome>;
}
