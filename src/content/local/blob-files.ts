import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { algorithmOf, type Digest, Digester } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { statIfThere } from "../../disk/stat-if-there.ts";
import { isDataLoss } from "../../errors/predicates.ts";
import { hashFile } from "./hash-file.ts";
import type { Layout } from "./layout.ts";

/**
 * Blobs up to so many bytes are hashed before a writer takes their presence for granted: that takes a few milliseconds, and
 * all documents are smaller. Larger ones are compared by size; `check` hashes those as well.
 */
const MAX_HASHED_BYTES = 8 * 1024 * 1024;

/** Blobs whose verdicts are kept, the one that was not asked for longest goes first. A file that is forgotten is hashed again. */
const MAX_VERDICTS = 10_000;

/** What is known of the file that bore a blob's name when it was looked at last. */
interface Verdict {
  /** That of `BlobFile`. */
  readonly identity: string;
  /** Whether it holds the blob; a promise while it is hashed, so that many who ask at once cause one reading. */
  readonly whole: Promise<boolean>;
}

/** A file that bears a blob's name, and whether it holds that blob. */
export interface BlobFile {
  /** Tells this file from any other, earlier or later, under the same name, and from itself after a change. */
  readonly identity: string;
  readonly whole: boolean;
}

/**
 * The files of committed blobs, which are believed only as far as they were checked: anybody may have cut or overwritten
 * them since. What was hashed once is remembered for as long as inode, size and time of change stay what they were.
 */
export class BlobFiles {
  readonly #layout: Layout;
  /** One for each blob: a file that was removed or replaced leaves none behind. */
  readonly #verdicts = new BoundedMap<Digest, Verdict>(MAX_VERDICTS);

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * The file of a blob, `undefined` when there is none. It counts as whole when it was hashed and is right, or when it is
   * large and as long as `size` says (0: unknown). Throws the classes of `diskError` and the abort error.
   */
  async compare(digest: Digest, size: number, options: AbortOptions = {}): Promise<BlobFile | undefined> {
    const found = this.#stat(digest);
    if (!found) return undefined;
    const plausible = found.isFile && found.size > MAX_HASHED_BYTES && (size === 0 || size === found.size);
    return plausible ? { identity: found.identity, whole: true } : await this.verify(digest, options);
  }

  /** The file of a blob by what its bytes are; one that cannot be read is not whole. Throws as `compare` does. */
  async verify(digest: Digest, options: AbortOptions = {}): Promise<BlobFile | undefined> {
    throwIfAborted(options.signal);
    const found = this.#stat(digest);
    if (!found) return undefined;
    const { identity } = found;
    if (!found.isFile) return { identity, whole: false };
    const known = this.#verdicts.get(digest);
    const whole = known?.identity === identity ? known.whole : this.#hash(digest, identity);
    return { identity, whole: await whole };
  }

  /** As `verify`, but hashes whatever is remembered: a disk may spoil bytes without leaving a trace. */
  async verifyAnew(digest: Digest, options: AbortOptions = {}): Promise<BlobFile | undefined> {
    this.#verdicts.delete(digest);
    return await this.verify(digest, options);
  }

  /** The identity that the file of a blob has at this moment, without leaving the turn of the event loop. */
  identityNow(digest: Digest): string | undefined {
    const path = this.#layout.blobPath(digest);
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && identityOf(found);
  }

  /** Remembers that the file of a blob holds what was just verified. */
  trust(digest: Digest): void {
    const identity = this.identityNow(digest);
    if (identity !== undefined) this.#verdicts.set(digest, { identity, whole: Promise.resolve(true) });
  }

  #hash(digest: Digest, identity: string): Promise<boolean> {
    // Without the signal of whoever came first: others wait for the same verdict.
    const whole = holds(this.#layout.blobPath(digest), digest);
    const verdict = { identity, whole };
    this.#verdicts.set(digest, verdict);
    whole.catch(() => {
      if (this.#verdicts.get(digest) === verdict) this.#verdicts.delete(digest);
    });
    return whole;
  }

  #stat(digest: Digest): { identity: string; size: number; isFile: boolean } | undefined {
    const path = this.#layout.blobPath(digest);
    try {
      const found = statIfThere(path);
      return found && { identity: identityOf(found), size: Number(found.size), isFile: found.isFile() };
    } catch (cause) {
      throw diskError("read blob", path, cause);
    }
  }
}

interface Identifiable {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

function identityOf({ dev, ino, size, mtimeNs }: Identifiable): string {
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}

async function holds(path: string, digest: Digest): Promise<boolean> {
  try {
    await using file = await open(path, "r");
    const digester = new Digester(algorithmOf(digest));
    await hashFile(file, digester);
    return digester.digest() === digest;
  } catch (cause) {
    const error = diskError("read blob", path, cause);
    if (isDataLoss(error) || isMissingFile(cause)) return false; // a bad sector is damage like any other
    throw error;
  }
}
