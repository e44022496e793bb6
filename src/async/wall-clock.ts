const NS_PER_MS = 1_000_000n;

/** What the monotonic clock must be shifted by to show the time of day, in nanoseconds. */
let offsetNs = startOfProcessNs();

/**
 * Nanoseconds since the epoch, to about a microsecond: the monotonic clock, shifted to where `Date.now()` sees the time of
 * day. Whole milliseconds would lie before events that other programs, with a finer clock, saw happen earlier. When the
 * machine's clock is set, or slept through, the shift follows at once to within the millisecond that `Date.now()` shows.
 */
export function nowNs(): bigint {
  const before = process.hrtime.bigint();
  const first = BigInt(Date.now()) * NS_PER_MS;
  const after = process.hrtime.bigint();
  const last = first + NS_PER_MS - 1n;
  // That millisecond was running at some moment between the two readings: other shifts are wrong.
  offsetNs = clamp(offsetNs, first - after, last - before);
  return clamp(after + offsetNs, first, last);
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  if (value < least) return least;
  return value > most ? most : value;
}

/** Node reads both clocks one right after the other when it starts, the time of day in microseconds. */
function startOfProcessNs(): bigint {
  const sinceStart = BigInt(Math.round(performance.now() * 1e6));
  const start = BigInt(Math.round(performance.timeOrigin * 1e3)) * 1_000n;
  return start - (process.hrtime.bigint() - sinceStart);
}
