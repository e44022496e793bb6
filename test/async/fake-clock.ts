import type { AbortOptions } from "../../src/async/abort.ts";
import { throwIfAborted } from "../../src/async/abort.ts";
import type { Clock } from "../../src/async/clock.ts";

/** A clock on which every sleep is over at once; it writes down how long each would have been. */
export class FakeClock implements Clock {
  readonly sleeps: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  async sleep(ms: number, { signal }: AbortOptions = {}): Promise<void> {
    throwIfAborted(signal);
    this.sleeps.push(ms);
    this.#now += ms;
    await Promise.resolve();
    throwIfAborted(signal);
  }
}
