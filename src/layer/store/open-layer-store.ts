import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { diskError } from "../../disk/disk-error.ts";
import { requireNode } from "../../errors/require-node.ts";
import { checkOptions } from "../../options/check-options.ts";
import { objectOf, type RulesOf, required } from "../../options/rule.ts";
import { aFunction, aPath, wholeNumberFrom } from "../../options/rules.ts";
import { findAbilities } from "../unpack/find-abilities.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import { lackingAbilities } from "../unpack/lacking-abilities.ts";
import { skippedInWords } from "../unpack/skipped-kinds.ts";
import { DEFAULT_LIMITS, type UnpackLimits } from "../unpack/unpack-limits.ts";
import { UnpackPool } from "../workers/unpack-pool.ts";
import type { BlobUnpacker, Unpacked, UnpackingOptions, UnpackOrder } from "./blob-unpacker.ts";
import { LayerLayout } from "./layer-layout.ts";
import { LayerStore } from "./layer-store.ts";
import { stageDirectory } from "./staging.ts";

/** How a layer store is opened. */
export interface LayerStoreOptions {
  /**
   * The data root; `layers` and `locks` in it are made with the first layer. Several stores may share it.
   * @example root: "/var/lib/engine/layers"
   */
  readonly root: string;
  /**
   * Threads that unpack; 0 unpacks on the caller's thread, in slices.
   * @unit threads
   * @defaultValue one for each core, four at most
   * @avoid beyond the number of cores: unpacking is bound by them
   * @example workers: 2
   */
  readonly workers?: number | undefined;
  /**
   * Bytes of a blob from which one thread more may help with it: see `UnpackPoolOptions.splitFrom`.
   * @unit bytes
   * @defaultValue 134,217,728
   * @example splitFrom: 64 * 1024 * 1024
   */
  readonly splitFrom?: number | undefined;
  /**
   * Told once, before the first layer is unpacked, what this host cannot make of layers, in words, if there is such a thing: it
   * is left out of all layers, and named in the record of each that has it (`LayerRecord.missing`). It must not throw.
   * @defaultValue nobody is told
   * @example onLacking: (lacking) => console.log(lacking)
   */
  readonly onLacking?: ((lacking: readonly string[]) => void) | undefined;
  /**
   * What a layer may be at most.
   * @defaultValue `DEFAULT_LIMITS`: 2,097,152 entries, 256 GiB, 1,100 bytes out of one
   * @example limits: { maxBytes: 64 * 1024 ** 3 }
   */
  readonly limits?: Partial<UnpackLimits> | undefined;
}

const LAYER_STORE_OPTIONS: RulesOf<LayerStoreOptions> = {
  root: required(aPath),
  workers: wholeNumberFrom(0),
  splitFrom: wholeNumberFrom(0),
  onLacking: aFunction,
  limits: objectOf<UnpackLimits>({
    maxEntries: wholeNumberFrom(1),
    maxBytes: wholeNumberFrom(1),
    maxExpansion: wholeNumberFrom(1),
  }),
};

/**
 * Opens the layers of a data root. The caller closes what it gets. Throws `ErrInvalidArgument` for options that cannot be, and
 * `ErrFailedPrecondition` on a Node.js that is too old.
 */
export async function openLayerStore(options: LayerStoreOptions): Promise<LayerStore> {
  requireNode("open layers");
  checkOptions("open layers", options, LAYER_STORE_OPTIONS);
  const { root, workers, splitFrom, limits, onLacking = () => {} } = options;
  const pool = new UnpackPool({ workers, splitFrom });
  const unpacker = new PoolUnpacker(pool, {
    root: resolve(root),
    limits: { ...DEFAULT_LIMITS, ...limits },
    onLacking,
  });
  return new LayerStore({ root: resolve(root), unpacker, onClose: () => unpacker.close() });
}

/** What blobs are unpacked with, beside the threads. */
interface PoolUnpackerParts {
  readonly root: string;
  readonly limits: UnpackLimits;
  readonly onLacking: (lacking: readonly string[]) => void;
}

/** Unpacks in the threads of a pool. What the host can do is found out once, as soon as a layer is to come. */
class PoolUnpacker implements BlobUnpacker {
  readonly #pool: UnpackPool;
  readonly #layout: LayerLayout;
  readonly #limits: UnpackLimits;
  readonly #onLacking: PoolUnpackerParts["onLacking"];
  #host: Promise<HostAbilities> | undefined;

  /** The pool is closed with this. */
  constructor(pool: UnpackPool, { root, limits, onLacking }: PoolUnpackerParts) {
    this.#pool = pool;
    this.#layout = new LayerLayout(root);
    this.#limits = limits;
    this.#onLacking = onLacking;
  }

  getReady(): void {
    this.#pool.getReady();
    this.#findHost().catch(() => {}); // it is tried again, and told, when there is a layer
  }

  async unpack(
    { blobPath, growth, ...order }: UnpackOrder,
    { signal, onProgress, onWait }: UnpackingOptions,
  ): Promise<Unpacked> {
    const host = await this.#findHost();
    const size = growth?.size ?? (await sizeOf(blobPath));
    const { available } = growth ?? {};
    const job = { ...order, blobPath, size, available, limits: this.#limits, host };
    const { skipped, ...outcome } = await this.#pool.unpack(job, {
      signal,
      onWait,
      onProgress: onProgress && (({ bytesIn, entries }) => onProgress({ bytes: bytesIn, entries })),
    });
    return { ...outcome, overlay: host.overlay, missing: skipped.map(skippedInWords) };
  }

  async close(): Promise<void> {
    await this.#host?.catch(() => {}); // it works in the root
    await this.#pool[Symbol.asyncDispose]();
  }

  /** It depends on the file system, so it is looked for where layers are unpacked. */
  #findHost(): Promise<HostAbilities> {
    this.#host ??= this.#lookForHost().catch((error: unknown) => {
      this.#host = undefined;
      throw error;
    });
    return this.#host;
  }

  /** In a directory of its own that nobody takes for a layer which somebody has left half made. */
  async #lookForHost(): Promise<HostAbilities> {
    const staged = await stageDirectory(this.#layout);
    try {
      const host = await findAbilities(staged.path);
      const lacking = lackingAbilities(host);
      if (lacking.length > 0) this.#onLacking(lacking);
      return host;
    } finally {
      await staged.remove();
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw diskError("unpack layer", path, cause);
  }
}
