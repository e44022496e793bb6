import { type Clock, systemClock } from "../async/clock.ts";

/** How long nobody must have wanted anything before others go on, in milliseconds: from one request to the next it is not as long. */
const QUIET_MS = 250;

/** Whether somebody wants the line, the slots or the hosts who does not give way. */
export class Foreground {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #wanting = 0;
  #quietSinceMs = Number.NEGATIVE_INFINITY;
  #quiet: AbortController | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether others have to give way: somebody wants something, or did a moment ago. */
  get isBusy(): boolean {
    return this.#wanting > 0 || this.#clock.elapsed() - this.#quietSinceMs < QUIET_MS;
  }

  /** Somebody wants something, until what this returns is called; again that does nothing. */
  begin(): () => void {
    this.#wanting++;
    this.#quiet?.abort();
    if (this.#wanting === 1) this.#tell();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#wanting--;
      if (this.#wanting > 0) return;
      this.#quietSinceMs = this.#clock.elapsed();
      void this.#awaitQuiet();
    };
  }

  /** Calls `listener`, which must not throw, whenever `isBusy` may have changed, until the function returned is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#wanting === 0 && this.isBusy) void this.#awaitQuiet();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#quiet?.abort();
    };
  }

  /** Does nothing while nobody listens: a process must not live on for it. */
  async #awaitQuiet(): Promise<void> {
    if (this.#listeners.size === 0 || this.#quiet?.signal.aborted === false) return;
    const { signal } = this.#startQuiet();
    while (!signal.aborted && this.isBusy) {
      const leftMs = QUIET_MS - (this.#clock.elapsed() - this.#quietSinceMs);
      await this.#clock.sleep(Math.max(1, leftMs), { signal }).catch(() => {}); // somebody wants something again
    }
    if (signal.aborted) return;
    this.#quiet = undefined;
    this.#tell();
  }

  #startQuiet(): AbortController {
    const quiet = new AbortController();
    this.#quiet = quiet;
    return quiet;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
