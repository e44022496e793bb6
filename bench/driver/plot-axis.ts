/** A mark on an axis. */
interface Tick {
  readonly value: number;
  readonly place: number;
}

/** Where values lie on an axis. */
export interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly Tick[];
}

/** What an axis is drawn between, in the units of the picture; the least value lies at `from`. */
interface AxisOptions {
  readonly scale: "linear" | "logarithmic";
  readonly from: number;
  readonly to: number;
}

/** How many steps an axis has at most. */
const MAX_STEPS = 6;

/**
 * An axis for these values. A linear one begins at nothing and ends at a round number, with round numbers between; a logarithmic one
 * has a mark for each value, all of them above zero.
 */
export function axisOf(values: readonly number[], { scale, from, to }: AxisOptions): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (scale === "logarithmic") {
    const span = Math.log(most / least) || 1;
    const place = (value: number): number => from + ((to - from) * Math.log(value / least)) / span;
    return { place, ticks: ticksAt([...new Set(values)], place) };
  }
  const step = roundStep(most / MAX_STEPS);
  const steps = Math.max(1, Math.ceil(most / step - 1e-9));
  const place = (value: number): number => from + ((to - from) * value) / (step * steps);
  return {
    place,
    ticks: ticksAt(
      Array.from({ length: steps + 1 }, (_, at) => at * step),
      place,
    ),
  };
}

function ticksAt(values: readonly number[], place: (value: number) => number): readonly Tick[] {
  return values.map((value) => ({ value, place: place(value) }));
}

/** The next number above that is 1, 2 or 5 times a power of ten. */
function roundStep(least: number): number {
  if (!(least > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((times) => times * power >= least) ?? 10) * power;
}
