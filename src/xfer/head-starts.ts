import { type AbortOptions, abortable, anySignal } from "../async/abort.ts";
import type { Clock } from "../async/clock.ts";

/**
 * How long a large blob has the line to itself before the next one begins, in milliseconds: a fast line is done with it by then. On a
 * slow one the next ones lose no more than that, and the line is full all the same unless a single connection cannot fill it.
 */
const HEAD_START_MS = 2_000;

/** How somebody waits for his turn. */
interface HeadStartOptions extends AbortOptions {
  /** Called when somebody else has a head start now. */
  readonly onWait: () => void;
}

/** Lets transfers begin one after the other, in the order of asking: each when the one before has ended, or has had its head start. */
export class HeadStarts {
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();
  /** Those that have not had theirs. */
  #ahead = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does `work` when it is its turn. Rejects as it does, and with the abort error. */
  async run(work: () => Promise<void>, { signal, onWait }: HeadStartOptions): Promise<void> {
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = turn.promise.then(() => before);
    if (this.#ahead++ > 0) onWait();
    const stop = new AbortController();
    let isAhead = true;
    const end = (): void => {
      stop.abort();
      turn.resolve();
      if (isAhead) this.#ahead--;
      isAhead = false;
    };
    try {
      await abortable(before, signal);
      this.#clock.sleep(HEAD_START_MS, { signal: anySignal(signal, stop.signal) }).then(end, () => {});
      await work();
    } finally {
      end();
    }
  }
}
