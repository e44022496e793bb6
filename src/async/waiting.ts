import type { AbortOptions } from "./abort.ts";

/**
 * Tells waiting from working. Whatever waits below an operation (for a host's pause, a lock, another process, a back-off)
 * does so inside `wait`, so that nothing is held meanwhile and everybody can see what is waited for.
 */
export interface Waiter {
  /**
   * Runs `work`, which only waits, and gives its result. `reason` is a status line for people, such as "Retrying in 3
   * seconds". Waits may nest: the innermost reason is the one shown. `work` must end when the signal it gets fires.
   * Rejects with what `work` rejects with, or with `ErrCanceled` when the one who waits is no longer wanted.
   */
  wait<T>(reason: string, work: (signal: AbortSignal | undefined) => Promise<T>): Promise<T>;
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
}: AbortOptions & { readonly show?: ((reason: string) => void) | undefined } = {}): Waiter {
  return {
    async wait(reason, work) {
      show?.(reason);
      return await work(signal);
    },
  };
}
