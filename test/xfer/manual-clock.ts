import { type AbortOptions, abortError, throwIfAborted } from "../../src/async/abort.ts";
import type { Clock } from "../../src/async/clock.ts";
import { flush } from "./flush.ts";

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock whose hands only the test moves. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowMs;
  }

  elapsed(): number {
    return this.#nowMs;
  }

  /** How many sleep at present. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  async sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal);
    await new Promise<void>((resolve, reject) => {
      const sleeper: Sleeper = { dueMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(abortError(signal));
      });
    });
  }

  /** Moves on by `ms`, waking sleepers in the order of their time, each with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await flush();
    for (let next = this.#next(endMs); next; next = this.#next(endMs)) {
      const { dueMs, wake } = next;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, dueMs);
      wake();
      await flush();
    }
    this.#nowMs = endMs;
  }

  /** Moves on without waking anybody before the end, as when the process was stopped meanwhile. */
  jump(ms: number): void {
    this.#nowMs += ms;
  }

  #next(endMs: number): Sleeper | undefined {
    const due = this.#sleepers.filter(({ dueMs }) => dueMs <= endMs);
    return due.toSorted((a, b) => a.dueMs - b.dueMs)[0];
  }
}
