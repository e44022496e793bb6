import type { ProgressSink } from "./progress.ts";

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
 * it is an async function) the sink is dropped and the failure reported once.
 */
export function guardSink(sink: ProgressSink): ProgressSink {
  let failed = false;
  const fail = (error: unknown): void => {
    if (!failed) reportSinkFailure(error);
    failed = true;
  };
  return (progress) => {
    if (failed) return;
    try {
      const returned: unknown = sink(progress);
      if (returned instanceof Promise) returned.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}
