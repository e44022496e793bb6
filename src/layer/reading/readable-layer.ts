import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Hidden } from "../tree/layer-tree.ts";

/** A layer of an image that is read without being unpacked. */
export interface ReadableLayer {
  /** Digest of its blob, by which entries and errors tell where they are from. */
  readonly digest: Digest;
  /** What its archive has to be without compression; absent where it is an archive of the same files and not the original one. */
  readonly diffId?: Digest | undefined;
  /** What it hides beside what its archive says. */
  readonly hidden?: Hidden | undefined;
  /**
   * Its archive, compressed or not, whose bytes are verified by whoever gives them. May be called again. A chunk is good until the
   * next one is asked for.
   */
  open(options: AbortOptions): AsyncIterable<Uint8Array>;
}
