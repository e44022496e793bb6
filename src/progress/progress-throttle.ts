import { type Clock, systemClock } from "../async/clock.ts";
import type { StepSink, UpdateProgress } from "./progress.ts";

/** Bytes that are worth an update whatever the size of the object: half a mebibyte (moby's progress reader). */
const MAX_STEP_BYTES = 512 * 1024;

/** The part of a known size that is worth an update: one per cent, what a bar can show (moby's progress reader). */
const STEP_FRACTION = 0.01;

/** Shortest time between two updates in milliseconds; a terminal shows no more (moby's progress reader). */
const MIN_INTERVAL_MS = 100;

/**
 * Thins out the progress of one object before it reaches `sink`. An update goes through when more than the smaller of
 * 512 KiB and 1 % of the size was done since the last one, at most every 100 ms. These always go through: the first
 * update, a complete one (`currentBytes` is `totalBytes`), a step back, another action or id, a message. What was withheld
 * goes out before another action, another id or a message, so that the last update of each action is always seen.
 */
export function throttleProgress(sink: StepSink, clock: Clock = systemClock): StepSink {
  let shown: UpdateProgress | undefined;
  let shownAtMs = 0;
  let withheld: UpdateProgress | undefined;

  return (progress) => {
    if (progress.kind === "update" && shown && isMinor(progress, shown, () => clock.elapsed() - shownAtMs)) {
      withheld = progress;
      return;
    }
    if (withheld && !continues(progress, withheld)) sink(withheld);
    withheld = undefined;
    shown = progress.kind === "update" ? progress : undefined;
    shownAtMs = clock.elapsed();
    sink(progress);
  };
}

function isMinor(next: UpdateProgress, shown: UpdateProgress, elapsedMs: () => number): boolean {
  const { currentBytes, totalBytes } = next;
  if (!continues(next, shown) || currentBytes < shown.currentBytes) return false;
  if (totalBytes > 0 && currentBytes === totalBytes) return false;
  const stepBytes = totalBytes > 0 ? Math.min(MAX_STEP_BYTES, totalBytes * STEP_FRACTION) : MAX_STEP_BYTES;
  return currentBytes - shown.currentBytes <= stepBytes || elapsedMs() < MIN_INTERVAL_MS;
}

function continues(next: Parameters<StepSink>[0], before: UpdateProgress): boolean {
  return next.kind === "update" && next.id === before.id && next.action === before.action;
}
