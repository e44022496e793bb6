import { type AbortOptions, abortable } from "./abort.ts";
import { type Clock, systemClock } from "./clock.ts";
import { settlesSoon } from "./wait-patiently.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { Waiter } from "./waiting.ts";

/** One who shares a call. */
export interface SharerOptions extends AbortOptions {
  /** What is waited for as long as the call itself does not say more. */
  readonly reason: string | WaitReason;
  readonly waiter: Waiter;
}

/**
 * The waiting of a call that many share: the call waits once, and each who shares it waits by a waiter of his own, which
 * shows what the call waits for at the moment.
 */
export class SharedWaiting {
  readonly #clock: Clock;
  /** Waits under way, the latest last. */
  readonly #waits: Array<{ readonly reason: string | WaitReason }> = [];
  #change = Promise.withResolvers<void>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** For the call, which is given up by `signal`. */
  waiter(signal: AbortSignal): Waiter {
    return {
      wait: async (reason, work) => {
        const own = { reason };
        this.#waits.push(own);
        this.#changed();
        try {
          return await work(signal);
        } finally {
          this.#waits.splice(this.#waits.indexOf(own), 1);
          this.#changed();
        }
      },
    };
  }

  /**
   * `pending`, the outcome of the call, for one who shares it. He gives up what he holds when the call waits, or when it takes
   * long. Rejects as `pending` does, or with `ErrCanceled` when he is no longer wanted.
   */
  async sharer<T>(pending: Promise<T>, { reason, waiter, signal }: SharerOptions): Promise<T> {
    const call = observed(pending);
    if (this.#reason === undefined) {
      await settlesSoon(Promise.race([call.settled, this.#change.promise]), this.#clock);
    }
    if (call.isSettled()) return await pending;
    const first = this.#reason ?? reason;
    return await waiter.wait(first, async (gone) => {
      const turn = (): Promise<void> =>
        abortable(Promise.race([call.settled, this.#change.promise]), gone ?? signal);
      while (!call.isSettled()) {
        const now = this.#reason ?? reason;
        // Inside the first one, so that nothing is taken back between two reasons.
        await (now === first ? turn() : waiter.wait(now, turn));
      }
      return await pending;
    });
  }

  get #reason(): string | WaitReason | undefined {
    return this.#waits.at(-1)?.reason;
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

function observed(pending: Promise<unknown>) {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  return { settled: pending.then(settle, settle), isSettled: () => state.isSettled };
}
