import type { AbortOptions } from "../../async/abort.ts";
import type { BackoffPolicy } from "../../async/backoff.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { type FileLockMode, LOCK_BACKOFF, lockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import type { LayerLayout } from "./layer-layout.ts";

/** It is held for a few renamings: random below 16 ms, doubling to 64 ms. */
const CHANGE_BACKOFF: BackoffPolicy = { ...LOCK_BACKOFF, maxMs: 64 };

/**
 * Shared by those who make a layer visible or begin to keep one, so that a sweep, which has it alone, sees all layers and all
 * who keep them. Throws `ErrCanceled` when the signal fires, and the classes of `diskError`.
 */
export async function lockChanges(
  layout: LayerLayout,
  mode: FileLockMode,
  { signal }: AbortOptions = {},
): Promise<Release> {
  await makeLockDirectory(layout.locks);
  return await lockFile(layout.changeLockPath, { mode, backoff: CHANGE_BACKOFF, signal });
}
