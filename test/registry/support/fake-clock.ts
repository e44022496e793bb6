import { type AbortOptions, abortError } from "../../../src/async/abort.ts";
import type { Clock } from "../../../src/async/clock.ts";

/** A clock whose hands the test turns. */
export class FakeClock implements Clock {
  /** How long each sleep was to take, in milliseconds, oldest first. */
  readonly sleeps: number[] = [];
  #nowMs: number;
  #elapsedMs = 0;
  #sleepers: Array<{ untilMs: number; wake: () => void }> = [];

  constructor(nowMs = Date.parse("2026-01-01T00:00:00Z")) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  elapsed(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    this.sleeps.push(ms);
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ untilMs: this.#elapsedMs + ms, wake: resolve });
      signal?.addEventListener("abort", () => reject(abortError(signal)), { once: true });
    });
  }

  /** Somebody sets the time of day. */
  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Moves on, and wakes whoever has slept enough. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.#elapsedMs += ms;
    const due = this.#sleepers.filter(({ untilMs }) => untilMs <= this.#elapsedMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const { wake } of due) wake();
  }
}

/** A clock on which every sleep is over at once, and has moved the hands. */
export class HastyClock extends FakeClock {
  override async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.advance(ms);
  }
}
