import type { AbortOptions } from "./abort.ts";
import { asReason, type WaitReason } from "./wait-reason.ts";

/**
 * Tells waiting from working. Whatever waits below an operation (for a host's pause, a lock, another process, a back-off)
 * does so inside `wait`, so that nothing is held meanwhile and everybody can see what is waited for.
 */
export interface Waiter {
  /**
   * Runs `work`, which only waits, and gives its result. `reason` says why, as data, or as a mere
   * status line for people. Waits may nest: the innermost reason is the one shown. `work` must end when the signal it gets fires.
   * Rejects with what `work` rejects with, or with `ErrCanceled` when the one who waits is no longer wanted.
   */
  wait<T>(reason: string | WaitReason, work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T>;
}

/** Options of what may have to wait for others. */
export interface WaitOptions extends AbortOptions {
  /**
   * Waits for what the call has to wait for, and shows for whom.
   * @defaultValue nobody is told
   * @example waiter: plainWaiter({ show: ({ words }) => console.log(words) })
   */
  readonly waiter?: Waiter | undefined;
}

/** What a waiter needs that has nothing to give back. */
export interface PlainWaiterOptions extends AbortOptions {
  /**
   * Told for what it waits, each time that it begins to.
   * @defaultValue nobody is told
   * @example show: ({ words }) => console.log(words)
   */
  readonly show?: ((reason: WaitReason) => void) | undefined;
}

/** A waiter for those who have nothing to give back: it passes `signal` on, and the reason to `show` when that is there. */
export function plainWaiter({ signal, show }: PlainWaiterOptions = {}): Waiter {
  return {
    async wait(reason, work) {
      show?.(asReason(reason));
      return await work(signal);
    },
  };
}
