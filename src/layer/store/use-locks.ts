import { type AbortOptions, abortable } from "../../async/abort.ts";
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
  async hold(chainId: Digest, { signal }: AbortOptions = {}): Promise<void> {
    const hold = this.#holds.get(chainId) ?? this.#begin(chainId);
    hold.users++;
    try {
      await abortable(hold.locked, signal);
    } catch (error) {
      void this.#leave(chainId, hold); // the lock comes in its own time, and goes at once
      throw error;
    }
  }

  /** Counts one user less; each `hold` has one `drop`. */
  async drop(chainId: Digest): Promise<void> {
    const hold = this.#holds.get(chainId);
    if (hold) await this.#leave(chainId, hold);
  }

  /** Gives up everything that is held here. */
  async dropAll(): Promise<void> {
    const holds = [...this.#holds.values()];
    this.#holds.clear();
    for (const { locked } of holds) (await locked)();
  }

  /** Takes the lock, without the signal of whoever came first: others wait for the same one. */
  #begin(chainId: Digest): Hold {
    const hold = { users: 0, locked: this.#lock(chainId) };
    this.#holds.set(chainId, hold);
    hold.locked.catch(() => this.#forget(chainId, hold));
    return hold;
  }

  async #lock(chainId: Digest): Promise<Release> {
    await makeLockDirectory(this.#layout.locks);
    return await lockFile(this.#layout.useLockPath(chainId), { mode: "shared" });
  }

  async #leave(chainId: Digest, hold: Hold): Promise<void> {
    hold.users--;
    if (hold.users > 0) return;
    this.#forget(chainId, hold);
    const release = await hold.locked.catch(() => undefined); // who waited for it was told
    release?.();
  }

  #forget(chainId: Digest, hold: Hold): void {
    if (this.#holds.get(chainId) === hold) this.#holds.delete(chainId);
  }
}

/** Takes a layer for its removal, if nobody in any process uses it. Throws the classes of `diskError`. */
export async function tryLockAlone(layout: LayerLayout, chainId: Digest): Promise<Release | undefined> {
  await makeLockDirectory(layout.locks);
  return tryLockFile(layout.useLockPath(chainId), "exclusive", { removeOnRelease: true });
}
