import type { Digest } from "../../digest/digest.ts";
import type { ByteString } from "../../tar/byte-string.ts";

/** What was unpacked, and what is left to do by whoever knows the layers below. Names are relative to the layer, "" is its root. */
export interface UnpackOutcome {
  /** Digest of the uncompressed layer. */
  readonly diffId: Digest;
  /** Entries of the archive, whiteouts included. */
  readonly entries: number;
  /** Bytes of all files as the archive has them: of a sparse file only what is not zeros. */
  readonly bytes: number;
  /** Bytes of the uncompressed layer. */
  readonly tarBytes: number;
  /**
   * Directories that something is in although the archive has no entry for them, parents first. They have mode 0755 and the
   * process's owner: what a lower layer says of them is theirs.
   */
  readonly implicitParents: readonly ByteString[];
  /**
   * Directories that the archive puts something into, or links to something in, before it has an entry for them, if it ever has,
   * parents first: where a lower layer has a link in such a place, where that leads is meant.
   */
  readonly assumedParents: readonly ByteString[];
  /**
   * Hard links to files that are not in this layer, in the order of the archive: nothing was made for them. The target of a later
   * one may be the name of an earlier one.
   */
  readonly crossLinks: readonly CrossLink[];
  /**
   * What is hidden of lower layers by its name. In which form that is on the disk is told by `overlay` of the host's abilities.
   */
  readonly whiteouts: readonly ByteString[];
  /** Directories of which nothing below is to be seen. Of the root, "", overlayfs knows no mark. */
  readonly opaque: readonly ByteString[];
  /** Directories with extended attributes, apart from overlayfs's. */
  readonly attributed: readonly ByteString[];
  /** What the host could not do, by kind; empty when the directory is all that the archive says. */
  readonly skipped: readonly SkippedKind[];
}

/** A hard link to a file of a lower layer. */
export interface CrossLink {
  readonly name: ByteString;
  readonly target: ByteString;
}

/** What a host may be unable to give. */
export type Skippable = "device" | "fifo" | "owner" | "xattr";

/** Something that the host could not do for some entries. */
export interface SkippedKind {
  readonly kind: Skippable;
  /** How many times. */
  readonly count: number;
  /** The first entries concerned, `MAX_EXAMPLES` at most; an attribute's name stands behind a colon. */
  readonly examples: readonly ByteString[];
}
