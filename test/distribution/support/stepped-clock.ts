import { setImmediate } from "node:timers/promises";
import { type AbortOptions, abortError } from "../../../src/async/abort.ts";
import type { Clock } from "../../../src/async/clock.ts";

interface Sleep {
  readonly untilMs: number;
  readonly wake: () => void;
}

/** A clock that moves on when it is told to; whoever sleeps wakes when his time has come. */
export class SteppedClock implements Clock {
  readonly #sleeps = new Set<Sleep>();
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  elapsed(): number {
    return this.#nowMs;
  }

  sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleep = { untilMs: this.#nowMs + ms, wake: resolve };
      this.#sleeps.add(sleep);
      const leave = (): void => {
        this.#sleeps.delete(sleep);
        if (signal) reject(abortError(signal));
      };
      if (signal?.aborted) leave();
      else signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Moves on, and lets those do their work whose time has come. */
  async step(ms: number): Promise<void> {
    this.#nowMs += ms;
    for (const sleep of this.#sleeps) {
      if (sleep.untilMs > this.#nowMs) continue;
      this.#sleeps.delete(sleep);
      sleep.wake();
    }
    await setImmediate();
  }
}
