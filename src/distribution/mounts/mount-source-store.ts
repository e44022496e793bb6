import { link, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { KeyedLock } from "../../async/keyed-lock.ts";
import { ALGORITHMS, algorithmOf, type Digest, encodedOf, isDigest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { readHint } from "../../disk/hint-file.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { isTemporary, sweepTemporaryFiles, temporaryPath } from "../../disk/temporary-files.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";

/** A repository that is known to have a blob. */
export interface MountSource {
  /** In full: `registry.example/team/app`. */
  readonly repository: string;
  /** Which credentials saw it there, see `credentialsHmac`; empty for none. */
  readonly hmac: string;
}

/** Sources kept per blob, newest last (moby keeps as many). */
const MAX_SOURCES = 50;

/** Longest file read, in bytes: 50 of the longest names with room to spare. */
const MAX_FILE_BYTES = 64 * 1024;

/**
 * Remembers which repositories have a blob, in one small file per digest (moby's `V2MetadataService`). It holds hints: of
 * two processes that write at the same time the last one wins, and a file that cannot be understood is no hint.
 */
export class MountSourceStore {
  readonly #root: string;
  readonly #turn = new KeyedLock();
  readonly #isReadOnly: boolean;

  /**
   * @param root the data root; `<root>/mounts` is made with the first source
   * @param readOnly whether nothing is remembered or forgotten
   */
  constructor(root: string, { readOnly = false }: { readonly readOnly?: boolean | undefined } = {}) {
    this.#root = join(root, "mounts");
    this.#isReadOnly = readOnly;
  }

  /** The known sources, newest first. Throws the classes of `diskError`. */
  async list(digest: Digest, { signal }: AbortOptions = {}): Promise<readonly MountSource[]> {
    throwIfAborted(signal);
    return (await read(this.#path(digest))).toReversed();
  }

  /** Makes `source` the newest one. */
  async add(digest: Digest, source: MountSource, options: AbortOptions = {}): Promise<void> {
    await this.#change(digest, options, (sources) =>
      [...sources.filter(differs(source)), source].slice(-MAX_SOURCES),
    );
  }

  /** Forgets `source`. */
  async remove(digest: Digest, source: MountSource, options: AbortOptions = {}): Promise<void> {
    await this.#change(digest, options, (sources) => sources.filter(differs(source)));
  }

  /** Forgets everything about a blob that is gone. Throws the classes of `diskError`. */
  async forget(digest: Digest): Promise<void> {
    const path = this.#path(digest);
    try {
      await rm(path, { force: true });
    } catch (cause) {
      throw diskError("forget mount sources", path, cause);
    }
  }

  /**
   * Forgets everything about blobs that are not here, and removes what killed processes left. Others may read and write
   * meanwhile, also in other processes. Throws the classes of `diskError`.
   */
  async prune(isHere: (digest: Digest) => Promise<boolean>): Promise<void> {
    for (const algorithm of ALGORITHMS) {
      const directory = join(this.#root, algorithm);
      await sweepTemporaryFiles(directory);
      for (const name of await readdir(directory).catch(() => [])) {
        if (isTemporary(name)) continue;
        const digest = `${algorithm}:${name}`;
        await this.#forgetUnless(join(directory, name), async () => isDigest(digest) && isHere(digest));
      }
    }
  }

  /** A blob may come, with its first source, after it was looked for: so its file is only put out of the way at first. */
  async #forgetUnless(path: string, isNeeded: () => Promise<boolean>): Promise<void> {
    if (await isNeeded()) return;
    const release = await this.#turn.acquire(path);
    const away = temporaryPath(path);
    try {
      await rename(path, away);
      if (await isNeeded()) await link(away, path).catch(() => {}); // in its place there is a newer one
      await rm(away, { force: true, recursive: true });
    } catch (cause) {
      if (!isMissingFile(cause)) throw diskError("forget mount sources", path, cause);
    } finally {
      release();
    }
  }

  async #change(
    digest: Digest,
    options: AbortOptions,
    edit: (sources: readonly MountSource[]) => readonly MountSource[],
  ): Promise<void> {
    if (this.#isReadOnly) return;
    const path = this.#path(digest);
    const release = await this.#turn.acquire(path, options);
    try {
      const before = await read(path);
      const after = edit(before);
      if (JSON.stringify(after) === JSON.stringify(before)) return;
      await makeDirectory(dirname(path));
      await writeFileAtomic(path, JSON.stringify(after), { isHint: true });
    } finally {
      release();
    }
  }

  #path(digest: Digest): string {
    return join(this.#root, algorithmOf(digest), encodedOf(digest));
  }
}

function differs(from: MountSource): (source: MountSource) => boolean {
  return ({ repository, hmac }) => repository !== from.repository || hmac !== from.hmac;
}

async function read(path: string): Promise<readonly MountSource[]> {
  const hint = await readHint(path, {
    action: "read mount sources",
    maxBytes: MAX_FILE_BYTES,
    isHint: isList,
  });
  return (hint ?? []).filter(isMountSource);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isMountSource(value: unknown): value is MountSource {
  if (typeof value !== "object" || value === null) return false;
  const { repository, hmac } = value as Record<string, unknown>;
  return typeof repository === "string" && typeof hmac === "string";
}
