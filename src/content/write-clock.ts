import type { WriteTimes } from "./store.ts";

/** Adds the time since a moment, by `performance.now()`; gives the present one. */
export function addSince(times: WriteTimes, what: keyof WriteTimes, sinceMs: number): number {
  const nowMs = performance.now();
  times[what] = (times[what] ?? 0) + nowMs - sinceMs;
  return nowMs;
}

/** Adds what was spent elsewhere. */
export function addTimes(times: WriteTimes, { hashMs, writeMs }: WriteTimes): void {
  if (hashMs !== undefined) times.hashMs = (times.hashMs ?? 0) + hashMs;
  if (writeMs !== undefined) times.writeMs = (times.writeMs ?? 0) + writeMs;
}
