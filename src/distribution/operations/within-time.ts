import { type AbortOptions, anySignal } from "../../async/abort.ts";
import { ErrDeadlineExceeded } from "../../errors/classes.ts";

/** An operation that may take so long, and no longer. */
interface TimedOptions extends AbortOptions {
  readonly timeoutMs?: number | undefined;
}

/**
 * Runs an operation whose signal fires with the caller's, and when the time is over: then it rejects with `ErrDeadlineExceeded`
 * in the words of `action`.
 */
export async function withinTime<O extends TimedOptions, T>(
  action: string,
  options: O,
  operation: (timed: O) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal } = options;
  if (timeoutMs === undefined) return await operation(options);
  const deadline = new AbortController();
  const onLate = (): void =>
    deadline.abort(new ErrDeadlineExceeded(`${action}: not complete after ${timeoutMs} ms`));
  const timer = setTimeout(onLate, timeoutMs);
  try {
    return await operation({ ...options, signal: anySignal(signal, deadline.signal) });
  } finally {
    clearTimeout(timer);
  }
}
