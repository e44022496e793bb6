import type { ConnectionLimits } from "./connection-options.ts";

/** What a `RateWatch` tells, once. */
export interface RateReports {
  /** Nothing has come for `bodyIdleTimeoutMs`. */
  readonly onIdle: () => void;
  /** Less has come than `minBytesPerSecond` asks for; `words` say how much, for a message. */
  readonly onSlow: (words: string) => void;
}

/**
 * Watches that a body comes, and fast enough. Time in which its reader was busy does not count: a slow disk is not the
 * server's fault.
 */
export class RateWatch {
  readonly #limitMs: number;
  readonly #limits: ConnectionLimits;
  readonly #reports: RateReports;
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;
  #busySinceMs = 0;
  /** When the newest byte came, or the reader was ready again. */
  #lastMs = 0;
  /** Start of the time over which the rate is measured, moved on by the time in which the reader was busy. */
  #windowStartMs = 0;
  #windowBytes = 0;

  constructor(limits: ConnectionLimits, reports: RateReports) {
    this.#limits = limits;
    this.#limitMs = limits.bodyIdleTimeoutMs;
    this.#reports = reports;
  }

  start(): void {
    this.#lastMs = performance.now();
    this.#startWindow();
    this.#lookIn(this.#limitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  received(bytes: number): void {
    this.#windowBytes += bytes;
    this.#lastMs = performance.now();
  }

  /** The reader is not ready for more. */
  pause(): void {
    this.#isBusy = true;
    this.#busySinceMs = performance.now();
  }

  /** The reader is ready again. */
  resume(): void {
    this.#isBusy = false;
    this.#lastMs = performance.now();
    this.#windowStartMs += this.#lastMs - this.#busySinceMs;
  }

  #startWindow(): void {
    this.#windowStartMs = performance.now();
    this.#windowBytes = 0;
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(ms)));
  }

  #look(): void {
    const nowMs = performance.now();
    const silentMs = this.#isBusy ? 0 : nowMs - this.#lastMs;
    const missingMs = this.#isBusy ? this.#limitMs : this.#limitMs - (nowMs - this.#windowStartMs);
    if (silentMs >= this.#limitMs) {
      this.#reports.onIdle();
    } else if (missingMs <= 0 && silentMs < this.#limitMs / 2) {
      this.#judgeWindow();
    } else {
      // Between silent and slow the more telling word is waited for.
      const leftMs = this.#limitMs - silentMs;
      this.#lookIn(missingMs > 0 ? Math.min(missingMs, leftMs) : leftMs);
    }
  }

  #judgeWindow(): void {
    const { minBytesPerSecond } = this.#limits;
    const gotBytes = this.#windowBytes;
    if (gotBytes < (minBytesPerSecond * this.#limitMs) / 1_000) {
      const wanted = `wanted at least ${minBytesPerSecond} bytes per second`;
      this.#reports.onSlow(`${gotBytes} bytes in ${this.#limitMs} ms, ${wanted}`);
      return;
    }
    this.#startWindow();
    this.#lookIn(this.#limitMs);
  }
}
