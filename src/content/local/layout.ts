import { hash } from "node:crypto";
import { join, sep } from "node:path";
import { algorithmOf, type Digest, encodedOf, parseDigest } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Longest name of an ingest, in bytes of UTF-8: refs hold a reference or a digest, and listings keep them in memory. */
const MAX_REF_BYTES = 65_536;

/** Paths that are remembered; with more of them all are made anew. */
const MAX_PATHS = 1_024;

/** Longest name of an ingest whose hash is remembered, in UTF-16 units: those of blobs have half of it. */
const MAX_KNOWN_REF = 256;

/**
 * Where the local store keeps its things: containerd's content store layout, with locks and labels beside it. Paths are put together
 * without `join`, which looks at each character again, some ten times for each blob.
 */
export class Layout {
  readonly root: string;
  /** Committed blobs, `<algorithm>/<hex>`. */
  readonly blobs: string;
  /** One directory per ingest. */
  readonly ingest: string;
  /** One file per ref that is being written, and per blob that comes to namespaces or goes from them. */
  readonly locks: string;
  /** Bytes that were found under a blob's name and are not that blob, `<algorithm>-<hex>`. */
  readonly damaged: string;
  /** The labels, and what namespaces know. */
  readonly metadata: string;
  /** A blob's path is asked for some ten times while it comes. */
  readonly #blobPaths = new Map<Digest, string>();
  /** A ref is looked at before it comes, and has a lock and an ingest. */
  readonly #refHashes = new Map<string, string>();

  constructor(root: string) {
    this.root = root;
    this.blobs = join(root, "blobs");
    this.ingest = join(root, "ingest");
    this.locks = join(root, "locks");
    this.damaged = join(root, "damaged");
    this.metadata = join(root, "meta.db");
  }

  /** File of a blob. Throws `ErrInvalidArgument` for anything but a digest, before a path is made of it. */
  blobPath(digest: Digest): string {
    const known = this.#blobPaths.get(digest);
    if (known !== undefined) return known;
    assertDigest(digest);
    const path = `${this.blobs}${sep}${algorithmOf(digest)}${sep}${encodedOf(digest)}`;
    if (this.#blobPaths.size >= MAX_PATHS) this.#blobPaths.clear();
    this.#blobPaths.set(digest, path);
    return path;
  }

  /** Where the bytes are kept that a blob's file held instead. Throws as `blobPath` does. */
  damagedPath(digest: Digest): string {
    assertDigest(digest);
    return `${this.damaged}${sep}${algorithmOf(digest)}-${encodedOf(digest)}`;
  }

  /** Lock file of a blob that comes to namespaces, or goes from them. Throws as `blobPath` does. */
  blobLockPath(digest: Digest): string {
    assertDigest(digest);
    return `${this.locks}${sep}${algorithmOf(digest)}-${encodedOf(digest)}`;
  }

  /** Directory of an ingest. Throws `ErrInvalidArgument` for a ref that is empty, too long, or no Unicode text. */
  ingestPath(ref: string): string {
    return `${this.ingest}${sep}${this.#hashOfRef(ref)}`;
  }

  /** Lock file of an ingest. Throws as `ingestPath` does. */
  lockPath(ref: string): string {
    return `${this.locks}${sep}${this.#hashOfRef(ref)}`;
  }

  #hashOfRef(ref: string): string {
    const known = this.#refHashes.get(ref);
    if (known !== undefined) return known;
    const hashed = hashOfRef(ref);
    if (ref.length > MAX_KNOWN_REF) return hashed;
    if (this.#refHashes.size >= MAX_PATHS) this.#refHashes.clear();
    this.#refHashes.set(ref, hashed);
    return hashed;
  }
}

function assertDigest(digest: Digest): void {
  try {
    parseDigest(digest);
  } catch (cause) {
    throw new ErrInvalidArgument("cannot calculate blob path from invalid digest", { cause });
  }
}

/** Hashed, because a ref is the caller's text and may hold slashes, dots and zero bytes. */
function hashOfRef(ref: string): string {
  if (typeof ref !== "string") throw new ErrInvalidArgument(`ref must be a string, got ${typeof ref}`);
  if (ref === "") throw new ErrInvalidArgument("ref must not be empty");
  const bytes = Buffer.byteLength(ref);
  if (bytes > MAX_REF_BYTES) {
    throw new ErrInvalidArgument(`ref is too long: got ${bytes} bytes, want at most ${MAX_REF_BYTES}`);
  }
  // Two texts with lone surrogates have the same UTF-8 form and would share an ingest.
  if (!ref.isWellFormed()) throw new ErrInvalidArgument("ref is not well-formed Unicode");
  return hash("sha256", ref);
}
