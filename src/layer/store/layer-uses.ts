import { join } from "node:path";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { type HintOptions, readHint, removeHint } from "../../disk/hint-file.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { namesIn } from "../../disk/names-in.ts";
import { isTemporary } from "../../disk/temporary-files.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";
import type { LayerLayout } from "./layer-layout.ts";

/** That somebody keeps a layer, whatever runs. */
export interface LayerUse {
  /** Who: any text of at most 4 KiB, such as `image:<digest of its config>`. */
  readonly user: string;
  readonly chainId: Digest;
}

/** Longest file that is read, in bytes: a name of 4 KiB, escaped, and a digest. */
const MAX_FILE_BYTES = 32 * 1024;

const USE: HintOptions<LayerUse> = { action: "read layer use", maxBytes: MAX_FILE_BYTES, isHint: isUse };

/** Who keeps which layer, across restarts: a small file for each, named after the user. */
export class LayerUses {
  readonly #layout: LayerLayout;

  constructor(layout: LayerLayout) {
    this.#layout = layout;
  }

  /** Says that `user` keeps a layer, instead of the one before. The caller uses the layer itself. Throws the classes of `diskError`. */
  async add(use: LayerUse): Promise<void> {
    await makeDirectory(this.#layout.uses);
    await writeFileAtomic(this.#layout.usePath(use.user), `${JSON.stringify(use)}\n`);
  }

  /** Takes it back. Throws the classes of `diskError`. */
  async remove(user: string): Promise<void> {
    await removeHint("drop layer use", this.#layout.usePath(user));
  }

  /** All that there are; files that cannot be understood say nothing. Throws the classes of `diskError`. */
  async list(): Promise<readonly LayerUse[]> {
    const found: LayerUse[] = [];
    for (const name of await namesIn(this.#layout.uses)) {
      if (isTemporary(name)) continue; // of a process that was killed before it had said so
      const use = await readHint(join(this.#layout.uses, name), USE);
      if (use) found.push(use);
    }
    return found;
  }
}

function isUse(value: unknown): value is LayerUse {
  if (typeof value !== "object" || value === null) return false;
  const { user, chainId } = value as Partial<LayerUse>;
  return typeof user === "string" && typeof chainId === "string" && isDigest(chainId);
}
