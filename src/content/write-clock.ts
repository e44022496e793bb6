import type { WriteTimes } from "./store.ts";

/** Does something with bytes, and adds how long that took, where somebody wants to know. */
export function timed<T>(times: WriteTimes | undefined, what: keyof WriteTimes, work: () => T): T {
  if (!times) return work();
  const begunMs = performance.now();
  const result = work();
  addTimes(times, { [what]: performance.now() - begunMs });
  return result;
}

/** Adds what was spent elsewhere. */
export function addTimes(times: WriteTimes, { hashMs, writeMs }: WriteTimes): void {
  if (hashMs !== undefined) times.hashMs = (times.hashMs ?? 0) + hashMs;
  if (writeMs !== undefined) times.writeMs = (times.writeMs ?? 0) + writeMs;
}
