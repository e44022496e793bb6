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
  /** Shows for whom. Default: nobody is told. */
  readonly waiter?: Waiter | undefined;
}

/** A waiter for those who have nothing to give back: it passes `signal` on, and the reason to `show` when that is there. */
export function plainWaiter({
  signal,
  show,
}: AbortOptions & { readonly show?: ((reason: WaitReason) => void) | undefined } = {}): Waiter {
  return {
    async wait(reason, work) {
      show?.(asReason(reason));
      return await work(signal);
    },
  };
}
