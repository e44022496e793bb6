import type { AbortOptions } from "../../async/abort.ts";
import type { Release } from "../../async/keyed-lock.ts";
import type { Digest } from "../../digest/digest.ts";
import { lockFile, tryLockFile } from "../../disk/file-lock.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import type { LayerLayout } from "./layer-layout.ts";

/** One lock that this process shares, however many use the layer here. */
interface Hold {
  users: number;
  readonly locked: Promise<Release>;
}

/** Who uses a layer: as long as any process does, nobody removes it. The kernel gives the locks of a dead process back. */
export class UseLocks {
  readonly #layout: LayerLayout;
  readonly #holds = new Map<Digest, Hold>();

  constructor(layout: LayerLayout) {
    this.#layout = layout;
  }

  /**
   * Counts one more user; waits while the layer is being removed, which takes one renaming. The layer may be gone then. Throws
   * `ErrCanceled` when the signal fires, and the classes of `diskError`.
   */
  async hold(chainId: Digest, options: AbortOptions = {}): Promise<void> {
    const hold = this.#holds.get(chainId) ?? { users: 0, locked: this.#lock(chainId, options) };
    this.#holds.set(chainId, hold);
    hold.users++;
    try {
      await hold.locked;
    } catch (error) {
      if (this.#holds.get(chainId) === hold) this.#holds.delete(chainId);
      throw error;
    }
  }

  /** Counts one user less; each `hold` has one `drop`. */
  async drop(chainId: Digest): Promise<void> {
    const hold = this.#holds.get(chainId);
    if (!hold) return;
    hold.users--;
    if (hold.users > 0) return;
    this.#holds.delete(chainId);
    (await hold.locked)();
  }

  /** Gives up everything that is held here. */
  async dropAll(): Promise<void> {
    const holds = [...this.#holds.values()];
    this.#holds.clear();
    for (const { locked } of holds) (await locked)();
  }

  async #lock(chainId: Digest, { signal }: AbortOptions): Promise<Release> {
    await makeLockDirectory(this.#layout.locks);
    return await lockFile(this.#layout.useLockPath(chainId), { mode: "shared", signal });
  }
}

/** Takes a layer for its removal, if nobody in any process uses it. Throws the classes of `diskError`. */
export async function tryLockAlone(layout: LayerLayout, chainId: Digest): Promise<Release | undefined> {
  await makeLockDirectory(layout.locks);
  return tryLockFile(layout.useLockPath(chainId), "exclusive", { removeOnRelease: true });
}
