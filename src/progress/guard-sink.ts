import type { Progress } from "./progress.ts";
import { WaitingProgress } from "./waiting-progress.ts";

/**
 * Tells the process that a progress sink failed: a warning named `DrayageProgressWarning`, with the sink's error as
 * detail. Progress is advice; what it describes goes on.
 */
export function reportSinkFailure(error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning("Progress sink failed, it is called no more", {
    type: "DrayageProgressWarning",
    detail,
  });
}

/**
 * `sink` made safe to call from the middle of an operation: it never throws. At its first failure (also a rejection, when
 * it is an async function) the sink is dropped and the failure reported once. A sink that returns a promise is not called
 * again before that has settled; meanwhile messages wait, and of the updates of each object, of plans and of summaries the newest one.
 */
export function guardSink<P extends Progress>(sink: (progress: P) => void): (progress: P) => void {
  const waiting = new WaitingProgress<P>();
  let busy = false;
  let failed = false;

  async function drain(current: Promise<unknown>): Promise<void> {
    busy = true;
    try {
      await current;
      for (let next = waiting.take(); next; next = waiting.take()) await (sink(next) as unknown);
    } catch (error) {
      fail(error);
    }
    busy = false;
  }

  function fail(error: unknown): void {
    failed = true;
    waiting.clear();
    reportSinkFailure(error);
  }

  return (progress) => {
    if (failed) return;
    if (busy) {
      waiting.add(progress);
      return;
    }
    try {
      const returned: unknown = sink(progress);
      if (returned instanceof Promise) void drain(returned);
    } catch (error) {
      fail(error);
    }
  };
}
