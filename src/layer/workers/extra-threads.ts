import type { UnpackThread } from "./unpack-thread.ts";

/** Threads for which nobody waits: started when there is none left, and kept for the next one who takes one. */
export class ExtraThreads {
  readonly #start: () => UnpackThread;
  readonly #all = new Set<UnpackThread>();
  readonly #idle: UnpackThread[] = [];

  constructor(start: () => UnpackThread) {
    this.#start = start;
  }

  /** A thread that has nothing to do, until `giveBack`. */
  take(): UnpackThread {
    const thread = this.#idle.pop() ?? this.#start();
    this.#all.add(thread);
    return thread;
  }

  /** Its work is done, or it is dead. */
  giveBack(thread: UnpackThread): void {
    if (thread.isDead) this.#all.delete(thread);
    else this.#idle.push(thread);
  }

  /** Ends all, whatever they do. */
  async end(): Promise<void> {
    await Promise.all(Array.from(this.#all, (thread) => thread.end()));
  }
}
