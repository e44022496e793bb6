import { stat, unlink } from "node:fs/promises";
import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { openRegularFile } from "../../disk/open-regular-file.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import type { LabelStore, Labels } from "../labels/label-store.ts";
import type { OwnedBlobs } from "../ownership/sweeper.ts";
import type { Layout } from "./layout.ts";

/** The files of blobs, as their owner handles them. Throws the classes of `diskError`. */
export class LocalBlobs implements OwnedBlobs {
  readonly #layout: Layout;
  readonly #labels: LabelStore;

  constructor(layout: Layout, labels: LabelStore) {
    this.#layout = layout;
    this.#labels = labels;
  }

  async read(digest: Digest): Promise<Uint8Array | undefined> {
    const path = this.#layout.blobPath(digest);
    try {
      const { handle, size } = await openRegularFile("read blob", path);
      await using file = handle;
      return size > MAX_MANIFEST_BYTES ? undefined : await file.readFile();
    } catch (cause) {
      if (isNotFound(cause)) return undefined;
      throw diskError("read blob", path, cause);
    }
  }

  labels(digest: Digest): Promise<Labels> {
    return this.#labels.get(digest);
  }

  async has(digest: Digest): Promise<boolean> {
    const path = this.#layout.blobPath(digest);
    try {
      await stat(path);
      return true;
    } catch (cause) {
      if (isMissingFile(cause)) return false;
      throw diskError("read blob", path, cause);
    }
  }

  async discard(digest: Digest): Promise<boolean> {
    const path = this.#layout.blobPath(digest);
    try {
      await unlink(path);
    } catch (cause) {
      if (isMissingFile(cause)) return false;
      throw diskError("delete blob", path, cause);
    }
    // The blob is gone, and its labels are replaced should it come back: on a full disk they may have to stay.
    await this.#labels.set(digest, {}).catch(() => {});
    return true;
  }
}
