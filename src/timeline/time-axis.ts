/** Steps between marks, in parts of a power of ten. */
const STEPS = [1, 2, 5, 10];

/** Round times from 0 to the end, `count` of them or a few less. */
export function timeMarks(endMs: number, count: number): readonly number[] {
  const least = Math.max(endMs, 1) / count;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * (STEPS.find((one) => one * power >= least) ?? 10);
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, at) => at * step);
}

/** A time as people read it: `0.4 ms`, `38 ms`, `1 200 ms`. */
export function timeText(ms: number): string {
  const digits = ms > 0 && ms < 10 ? 1 : 0;
  return `${ms
    .toFixed(digits)
    .replace(/\.0$/, "")
    .replace(/\B(?=(?:\d{3})+$)/g, " ")} ms`;
}
