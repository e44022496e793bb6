/** Nanoseconds in a millisecond. */
export const NS_PER_MS = 1_000_000n;

/** Correction that is more than the two clocks' first readings being a little apart: the time of day was set. */
const STEP_NS = 100_000n;

/** Longest wait for `Date.now()` to go on: it stands still only when somebody stopped it, as tests do. */
const MAX_WAIT_NS = 2n * NS_PER_MS;

/** Readings of two clocks of which one is taken that nothing came between; each takes about a microsecond. */
const START_READINGS = 4;

/** What the monotonic clock must be shifted by to show the time of day, in nanoseconds. */
let offsetNs = offsetAtStart();

/**
 * Nanoseconds since the epoch, to about a microsecond: the monotonic clock, shifted to where `Date.now()` sees the time of
 * day. Whole milliseconds would lie before events that other programs, with a finer clock, saw happen earlier. When the
 * machine's clock was set, or slept through, the call takes up to a millisecond to measure the shift anew.
 */
export function nowNs(): bigint {
  const before = process.hrtime.bigint();
  const first = BigInt(Date.now()) * NS_PER_MS;
  const after = process.hrtime.bigint();
  const last = first + NS_PER_MS - 1n;
  // That millisecond was running at some moment between the two readings: other shifts are wrong.
  const possible = clamp(offsetNs, first - after, last - before);
  const correction = possible - offsetNs;
  if (correction > STEP_NS || correction < -STEP_NS) {
    offsetNs = measuredOffset();
    return process.hrtime.bigint() + offsetNs;
  }
  offsetNs = possible;
  return clamp(after + offsetNs, first, last);
}

/**
 * Node reads both clocks one right after the other when it starts, the time of day in microseconds. The shift is that of the quickest
 * of a few readings: whoever is interrupted between two clocks finds a shift that is wrong by as much.
 */
function offsetAtStart(): bigint {
  const start = BigInt(Math.round(performance.timeOrigin * 1e3)) * 1_000n;
  const readings = Array.from({ length: START_READINGS }, () => {
    const before = process.hrtime.bigint();
    const sinceStart = BigInt(Math.round(performance.now() * 1e6));
    return { tookNs: process.hrtime.bigint() - before, offset: start + sinceStart - before };
  });
  return readings.reduce((best, one) => (one.tookNs < best.tookNs ? one : best)).offset;
}

/** Where one millisecond ends and the next begins, `Date.now()` is exact. */
function measuredOffset(): bigint {
  const millisecond = Date.now();
  const end = process.hrtime.bigint() + MAX_WAIT_NS;
  for (;;) {
    const next = Date.now();
    const now = process.hrtime.bigint();
    if (next !== millisecond || now > end) return BigInt(next) * NS_PER_MS - now;
  }
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  if (value < least) return least;
  return value > most ? most : value;
}
