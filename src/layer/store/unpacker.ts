import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";

/** One blob to be unpacked. */
export interface UnpackOrder {
  /** File with the blob, whole and verified. */
  readonly blobPath: string;
  /** Digest of the uncompressed layer. */
  readonly diffId: Digest;
  /** Empty directory for the layer's files. */
  readonly directory: string;
}

/** What was in a layer, as far as a store keeps or mends it. */
export interface Unpacked
  extends Pick<
    UnpackOutcome,
    "entries" | "bytes" | "implicitParents" | "crossLinks" | "whiteouts" | "opaque"
  > {
  /** In which form the files show what the layer hides. */
  readonly overlay: HostAbilities["overlay"];
  /** What the host could not make, in words. */
  readonly missing: readonly string[];
}

/** What unpacks blobs for a store. */
export interface Unpacker {
  /**
   * Unpacks a blob and verifies its diffID. `onBytes` is told how many bytes of the blob are done. Throws `ErrDataLoss` for
   * a blob that is damaged or has another diffID, `ErrInvalidArgument` for unacceptable entries, `ErrResourceExhausted` for a
   * layer beyond the limits, `ErrCanceled`, and the classes of `diskError`.
   */
  unpack(
    order: UnpackOrder,
    options: AbortOptions & { readonly onBytes?: ((bytes: number) => void) | undefined },
  ): Promise<Unpacked>;
}
