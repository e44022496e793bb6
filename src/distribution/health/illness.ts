/** What is known of an endpoint that could not serve. */
export interface Illness {
  /** Failures since it last served. */
  readonly failures: number;
  /** When the last one was, in milliseconds since the epoch. */
  readonly atMs: number;
  /** How long it is left alone from then on, in milliseconds; 0 when it has answered a probe since. */
  readonly restMs: number;
  /** Whether no connection or no answer could be had, so that asking again would cost another time-out. */
  readonly unreachable: boolean;
  /** What went wrong, in a sentence. */
  readonly why: string;
}

/**
 * What an illness means now: `resting`, the endpoint is left alone; `due`, one request may see how it is; `well`, it has
 * answered that request and has its place back; `over`, it was so long ago that it says nothing.
 */
export type Stage = "resting" | "due" | "well" | "over";

/** Rest of an endpoint after its first failure, in milliseconds; it doubles with each that follows. */
export const REST_MS = 1_000;

/** Longest rest, in milliseconds: so long an endpoint that is well again may go unnoticed. */
export const MAX_REST_MS = 60_000;

/** An endpoint that has not failed for so long, in milliseconds, counts as one that never has. */
export const FORGET_MS = 600_000;

/** Failures that are counted: with so many the rest has long been the longest. */
export const MAX_FAILURES = 100;

/**
 * The stage of an illness at `nowMs` since the epoch. Times in a data root are times of day, which may be set: an illness of
 * the future is due at once, and no rest is longer than `MAX_REST_MS` whatever is written.
 */
export function stageOf({ atMs, restMs }: Illness, nowMs: number): Stage {
  const ageMs = nowMs - atMs;
  if (ageMs > FORGET_MS) return "over";
  if (restMs === 0) return "well";
  return ageMs >= 0 && ageMs < Math.min(restMs, MAX_REST_MS) ? "resting" : "due";
}

/** What a failure is, before it is counted. */
export type NewIllness = Pick<Illness, "unreachable" | "why">;

/**
 * The illness after another failure: the rest doubles, and is shortened at random by up to a half, so that those who
 * wait do not come together.
 */
export function worsened(
  before: Illness | undefined,
  failure: NewIllness,
  { nowMs, random }: { readonly nowMs: number; readonly random: () => number },
): Illness {
  const counted = before && stageOf(before, nowMs) !== "over" ? before.failures : 0;
  const failures = Math.min(counted + 1, MAX_FAILURES);
  const longest = Math.min(MAX_REST_MS, REST_MS * 2 ** (failures - 1));
  return { ...failure, failures, atMs: nowMs, restMs: Math.round(longest * (0.5 + random() / 2)) };
}
