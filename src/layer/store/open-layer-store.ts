import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { diskError } from "../../disk/disk-error.ts";
import { requireNode } from "../../errors/require-node.ts";
import { checkOptions } from "../../options/check-options.ts";
import { objectOf, type RulesOf, required } from "../../options/rule.ts";
import { aPath, wholeNumberFrom } from "../../options/rules.ts";
import { findAbilities } from "../unpack/find-abilities.ts";
import type { HostAbilities } from "../unpack/host-abilities.ts";
import { skippedInWords } from "../unpack/skipped-kinds.ts";
import { DEFAULT_LIMITS, type UnpackLimits } from "../unpack/unpack-limits.ts";
import { UnpackPool } from "../workers/unpack-pool.ts";
import { LayerLayout } from "./layer-layout.ts";
import { LayerStore } from "./layer-store.ts";
import type { Unpacker } from "./unpacker.ts";

/** How a layer store is opened. */
export interface LayerStoreOptions {
  /** The data root; `layers` and `locks` in it are made with the first layer. Several stores may share it. */
  readonly root: string;
  /** Threads that unpack; 0 unpacks on the caller's thread, in slices. Default: one for each core, four at most. */
  readonly workers?: number | undefined;
  /** What a layer may be at most. Default: 2,097,152 entries, 256 GiB, 1,100 bytes out of one. */
  readonly limits?: Partial<UnpackLimits> | undefined;
}

const LAYER_STORE_OPTIONS: RulesOf<LayerStoreOptions> = {
  root: required(aPath),
  workers: wholeNumberFrom(0),
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
  const { root, workers, limits } = options;
  const pool = new UnpackPool({ workers });
  const unpacker = poolUnpacker(pool, { root: resolve(root), limits: { ...DEFAULT_LIMITS, ...limits } });
  return new LayerStore({ root: resolve(root), unpacker, onClose: () => pool[Symbol.asyncDispose]() });
}

/** Unpacks in the threads of a pool. What the host can do is found out with the first layer. */
function poolUnpacker(
  pool: UnpackPool,
  { root, limits }: { readonly root: string; readonly limits: UnpackLimits },
): Unpacker {
  // It depends on the file system, and the directory is there when the first layer is unpacked.
  const { staging } = new LayerLayout(root);
  let abilities: Promise<HostAbilities> | undefined;
  const found = (): Promise<HostAbilities> => {
    abilities ??= findAbilities(staging).catch((error: unknown) => {
      abilities = undefined;
      throw error;
    });
    return abilities;
  };
  return {
    async unpack({ blobPath, diffId, directory }, { signal, onBytes }) {
      const host = await found();
      const size = await sizeOf(blobPath);
      const job = { blobPath, size, diffId, directory, limits, host };
      const { skipped, ...outcome } = await pool.unpack(job, {
        signal,
        onProgress: onBytes && (({ bytesIn }) => onBytes(bytesIn)),
      });
      return { ...outcome, overlay: host.overlay, missing: skipped.map(skippedInWords) };
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw diskError("unpack layer", path, cause);
  }
}
