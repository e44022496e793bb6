import { inTurns } from "../support/in-turns.ts";
import type { Bench, Case } from "./bench.ts";
import { FIGURE_NAMES, formatFigure, type Sample } from "./figures.ts";
import type { CaseResult } from "./results.ts";

/** How often, and who. */
export interface RunOptions {
  readonly runs: number;
  /** Parts of names: only who, or whose case, has one of them. Everybody without any. */
  readonly only: readonly string[];
  /** Hears of each sample. */
  readonly onSample: (line: string) => void;
}

/** What was measured, and who was missing. */
export interface Measured {
  readonly cases: readonly CaseResult[];
  readonly missing: readonly string[];
}

/** Measures case after case; in a case the contestants take turns, so that a busy moment of the machine hits all of them. */
export async function runBench(
  { warmsUp }: Pick<Bench, "warmsUp">,
  cases: AsyncIterable<Case>,
  { runs, only, onSample }: RunOptions,
): Promise<Measured> {
  const results: CaseResult[] = [];
  const missing = new Set<string>();
  for await (const one of cases) {
    for (const name of one.missing ?? []) missing.add(name);
    const contestants = one.contestants.filter(({ name }) => isWanted(`${one.name}\n${name}`, only));
    if (contestants.length === 0) continue;
    const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]));
    for (const [round, contestant] of inTurns(contestants, [warmsUp ? 0 : 1, runs])) {
      const sample = withRate(await contestant.measure(round), one.bytes);
      if (round > 0) samples.get(contestant.name)?.push(sample);
      onSample(`${one.name} ${contestant.name}, round ${round}: ${firstFigure(sample)}`.trimStart());
    }
    results.push({
      name: one.name,
      ...(one.at !== undefined && { at: one.at }),
      contestants: Array.from(samples, ([name, own]) => ({ name, samples: own })),
    });
  }
  return { cases: results, missing: [...missing] };
}

function isWanted(names: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((part) => names.includes(part));
}

function withRate(sample: Sample, bytes: number | undefined): Sample {
  if (bytes === undefined || sample.wallSeconds === undefined) return sample;
  return { ...sample, bytesPerSecond: bytes / sample.wallSeconds };
}

function firstFigure(sample: Sample): string {
  const name = FIGURE_NAMES.find((each) => sample[each] !== undefined);
  return name === undefined ? "" : formatFigure(name, sample[name] ?? Number.NaN);
}
