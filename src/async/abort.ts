import { ErrCanceled, ErrDeadlineExceeded } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { onAbort } from "./on-abort.ts";

/** Options of everything that waits. */
export interface AbortOptions {
  /**
   * Ends the wait; the promise then rejects with `ErrCanceled` (`ErrDeadlineExceeded` for `AbortSignal.timeout`).
   * @defaultValue nothing ends it but its own time-outs
   * @example signal: AbortSignal.timeout(600_000)
   */
  readonly signal?: AbortSignal | undefined;
}

/** The error that an aborted wait rejects with. Our own errors given as abort reason are kept as they are. */
export function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (isDrayageError(reason)) return reason;
  const timedOut = reason instanceof DOMException && reason.name === "TimeoutError";
  return timedOut
    ? new ErrDeadlineExceeded("context deadline exceeded", { cause: reason })
    : new ErrCanceled("context canceled", { cause: reason });
}

/** Throws what `abortError` gives when the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** A signal that fires when the first of these does; those that are not there never fire. */
export function anySignal(...signals: ReadonlyArray<AbortSignal | undefined>): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/**
 * `promise`, or the abort error as soon as the signal fires. The work behind `promise` is not stopped by this: use it
 * only for waits that somebody else owns. No listener stays behind.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const ignore = onAbort(signal, () => reject(abortError(signal)));
    // Also when it has fired: the owner of the promise sees its failure, here nobody waits for it any more.
    const settled = <V>(settle: (outcome: V) => void, outcome: V): void => {
      ignore();
      settle(outcome);
    };
    promise.then(
      (value) => settled(resolve, value),
      (error: unknown) => settled(reject, error),
    );
  });
}
