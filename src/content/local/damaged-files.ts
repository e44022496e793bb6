import { existsSync, renameSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { namesIn } from "../../disk/names-in.ts";
import type { SetAside } from "../containing-store.ts";
import { DAMAGED_DATABASE } from "../labels/set-aside.ts";
import type { BlobFiles } from "./blob-files.ts";
import type { Layout } from "./layout.ts";

/** What was found to be damaged on the disk of a local store, and is kept out of the way. */
export class DamagedFiles {
  readonly #layout: Layout;
  readonly #files: BlobFiles;

  constructor(layout: Layout, files: BlobFiles) {
    this.#layout = layout;
    this.#files = files;
  }

  /** Moves a blob out of the way that is not what its digest says. Throws the classes of `diskError`. */
  async setAside(digest: Digest, options: AbortOptions): Promise<void> {
    const from = this.#layout.blobPath(digest);
    await makeDirectory(this.#layout.damaged, { mode: 0o700 });
    try {
      const file = await this.#files.verifyAnew(digest, options);
      // In one turn of the event loop: the right bytes may have come while the wrong ones were hashed.
      if (!file || file.whole || this.#files.identityNow(digest) !== file.identity) return;
      renameSync(from, this.#layout.damagedPath(digest));
    } catch (cause) {
      throw diskError("set aside blob", from, cause);
    }
  }

  /** Removes the bytes that were set aside for a blob, if there are any. Throws the classes of `diskError`. */
  async discard(digest: Digest): Promise<void> {
    const path = this.#layout.damagedPath(digest);
    if (!existsSync(path)) return;
    try {
      await rm(path, { force: true, recursive: true });
    } catch (cause) {
      throw diskError("remove damaged bytes", path, cause);
    }
  }

  /** Everything that was set aside: bytes of blobs, and files of a damaged database. */
  async list(): Promise<readonly SetAside[]> {
    const { damaged, metadata, root } = this.#layout;
    const found: SetAside[] = [];
    for (const name of await namesIn(damaged)) {
      const digest = name.replace("-", ":");
      if (isDigest(digest)) found.push(...(await describe(join(damaged, name), digest)));
    }
    const prefix = `${basename(metadata)}${DAMAGED_DATABASE}`;
    for (const name of await namesIn(root)) {
      if (name.startsWith(prefix)) found.push(...(await describe(join(dirname(metadata), name))));
    }
    return found;
  }
}

/** None when it has gone meanwhile. */
async function describe(path: string, digest?: Digest): Promise<readonly SetAside[]> {
  try {
    const { size, ctimeNs } = await stat(path, { bigint: true }); // a rename changes no other time
    return [{ name: basename(path), bytes: Number(size), sinceNs: ctimeNs, ...(digest && { digest }) }];
  } catch (cause) {
    if (isMissingFile(cause)) return [];
    throw diskError("read damaged file", path, cause);
  }
}
