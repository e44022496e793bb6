import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import type { Digest } from "../../../src/digest/digest.ts";
import { LayoutImageStore } from "../../../src/images/layout-image-store.ts";

/** A data root of its own. */
export interface DataRoot extends AsyncDisposable {
  /** A directory for the test's own files; the data root is below it. */
  readonly folder: string;
  readonly content: LocalStore;
  readonly images: LayoutImageStore;
  /** Digests of everything in the store, sorted. */
  digests(): Promise<readonly Digest[]>;
  /** Names of the store. */
  names(): Promise<readonly string[]>;
}

/** Opens a data root that is removed when it is disposed of. */
export async function openDataRoot(): Promise<DataRoot> {
  const folder = await mkdtemp(join(tmpdir(), "drayage-archive-"));
  const root = join(folder, "root");
  const images = await LayoutImageStore.open(root);
  const content = await openLocalStore({ root });
  return {
    folder,
    content,
    images,
    async digests() {
      const digests: Digest[] = [];
      for await (const { digest } of content.walk()) digests.push(digest);
      return digests.toSorted();
    },
    async names() {
      return (await images.list()).map(({ name }) => name);
    },
    async [Symbol.asyncDispose]() {
      await content.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
