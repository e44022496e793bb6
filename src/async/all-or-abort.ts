import { type AbortOptions, anySignal, throwIfAborted } from "./abort.ts";

/**
 * Runs the tasks side by side under one signal. The first failure aborts that signal for the others and is thrown once all
 * of them have ended, so that nothing goes on behind the caller's back.
 */
export async function allOrAbort<T>(
  tasks: ReadonlyArray<(signal: AbortSignal) => Promise<T>>,
  { signal: outer }: AbortOptions = {},
): Promise<T[]> {
  const failed = new AbortController();
  const signal = anySignal(outer, failed.signal);
  const failures: unknown[] = [];
  const results = await Promise.all(
    tasks.map((task) =>
      task(signal).catch((error: unknown) => {
        failures.push(error);
        failed.abort();
        return undefined;
      }),
    ),
  );
  throwIfAborted(outer);
  if (failures.length > 0) throw failures[0];
  return results as T[];
}
