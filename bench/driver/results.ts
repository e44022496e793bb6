import type { Case } from "./bench.ts";
import { FIGURE_NAMES, type FigureName, type Sample } from "./figures.ts";

/** One figure over all rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What a contestant's rounds gave. */
export interface ContestantResult {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** What a case gave. */
export interface CaseResult extends Pick<Case, "name" | "at"> {
  readonly contestants: readonly ContestantResult[];
}

/** The median, least and most of some numbers; not a number where there are none. */
export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [last, nothing] = [sorted.length - 1, Number.NaN];
  const [lower = nothing, upper = nothing] = [sorted[Math.floor(last / 2)], sorted[Math.ceil(last / 2)]];
  return { median: (lower + upper) / 2, min: sorted[0] ?? nothing, max: sorted.at(-1) ?? nothing };
}

/** A contestant's figure over all rounds that have it. */
export function figureOf({ samples }: ContestantResult, name: FigureName): Spread {
  return spreadOf(samples.map((sample) => sample[name]).filter((value) => value !== undefined));
}

/** The figures that anybody has, in the order of the columns. */
export function figuresIn(cases: readonly CaseResult[]): readonly FigureName[] {
  const samples = cases.flatMap(({ contestants }) => contestants.flatMap((one) => one.samples));
  return FIGURE_NAMES.filter((name) => samples.some((sample) => sample[name] !== undefined));
}
