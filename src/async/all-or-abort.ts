import { setImmediate as nextTurn } from "node:timers/promises";
import { type AbortOptions, throwIfAborted } from "./abort.ts";
import { onAbort } from "./on-abort.ts";

/**
 * Tasks that are begun in one turn of the event loop. What the first ones ask of the network goes out before the last ones are
 * begun, which for some hundred tasks takes as long as a round trip.
 */
const BEGUN_AT_ONCE = 16;

/**
 * Runs the tasks side by side under one signal, begun in their order. The first failure aborts that signal for the others, those
 * that have yet to begin are left out, and it is thrown once all have ended, so that nothing goes on behind the caller's back.
 */
export async function allOrAbort<T>(
  tasks: ReadonlyArray<(signal: AbortSignal) => Promise<T>>,
  { signal: outer }: AbortOptions = {},
): Promise<T[]> {
  // Not made of two signals: the platform goes through those each time that somebody looks whether it has fired.
  const ending = new AbortController();
  const { signal } = ending;
  const ignore = onAbort(outer, (reason) => ending.abort(reason));
  const failures: unknown[] = [];
  const running: Array<Promise<T | undefined>> = [];
  for (const [at, task] of tasks.entries()) {
    if (at > 0 && at % BEGUN_AT_ONCE === 0) await nextTurn();
    if (signal.aborted) break;
    const ended = task(signal).catch((error: unknown) => {
      failures.push(error);
      ending.abort();
      return undefined;
    });
    running.push(ended);
  }
  const results = await Promise.all(running);
  ignore();
  throwIfAborted(outer);
  if (failures.length > 0) throw failures[0];
  return results as T[];
}
