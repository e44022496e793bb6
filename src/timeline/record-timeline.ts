import type { Timeline } from "./timeline.ts";
import { TimelineItems } from "./timeline-items.ts";
import { TraceRecorder } from "./trace-recorder.ts";

/** Work under way, and what is recorded of it. */
export interface RecordedWork<T> {
  /** What the work gives. */
  readonly result: Promise<T>;
  /** What was recorded, once the work has ended, in whichever way. Never rejects. */
  readonly timeline: Promise<Timeline>;
}

/**
 * Runs work and records the pulls and pushes in it by the tracing channels: when which content was asked for, came, was verified and
 * unpacked, and by whom. What others do in the process is not in it, except for transfers that the work waits for, too. At most 131,072
 * records are kept; `omitted` counts the others. Nothing is to be closed.
 */
export function recordTimeline<T>(work: () => Promise<T>): RecordedWork<T> {
  const recorder = new TraceRecorder();
  const startedAt = new Date().toISOString();
  const startedAtMs = performance.now();
  const result = recorder.run(async () => await work());
  const end = (): Timeline => {
    recorder[Symbol.dispose]();
    const endedAtMs = performance.now();
    const items = new TimelineItems({ startedAtMs, endedAtMs });
    const { records, omitted } = recorder;
    return {
      version: 1,
      startedAt,
      durationMs: Math.round((endedAtMs - startedAtMs) * 100) / 100,
      operations: items.operations(records),
      items: items.of(records),
      omitted,
    };
  };
  return { result, timeline: result.then(end, end) };
}
