import type { Release } from "../../async/keyed-lock.ts";
import type { Waiter } from "../../async/waiting.ts";
import type { Digest } from "../../digest/digest.ts";
import { lockFile, tryLockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import type { LayerLayout } from "./layer-layout.ts";

/** What is shown while somebody else makes a layer. */
const WAITING = { code: "process", words: "Waiting for another process" } as const;

/**
 * The right to make a layer: one maker in all processes. Throws `ErrCanceled` when the waiter's signal fires, and the classes of
 * `diskError`.
 */
export async function lockMaking(layout: LayerLayout, chainId: Digest, waiter: Waiter): Promise<Release> {
  await makeLockDirectory(layout.locks);
  const path = layout.makeLockPath(chainId);
  const free = tryLockFile(path, "exclusive", { removeOnRelease: true });
  if (free) return free;
  return await waiter.wait(WAITING, (signal) => lockFile(path, { removeOnRelease: true, signal }));
}
