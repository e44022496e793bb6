import { cpus, totalmem } from "node:os";
import type { Verdict } from "./claims.ts";
import type { FigureName, Sample } from "./figures.ts";
import { type CaseResult, type ContestantResult, figureOf, figuresIn, type Spread } from "./results.ts";

/** Everything that a run of a bench gave. Figures are in the units that their names end in. */
export interface ResultsJson {
  readonly bench: string;
  readonly title: string;
  /** Time of the end, as in RFC 3339. */
  readonly at: string;
  readonly machine: Readonly<Record<"node" | "cpu" | "cpus" | "memoryBytes", string | number>>;
  readonly missing: readonly string[];
  readonly cases: readonly CaseJson[];
  readonly claims: ReadonlyArray<Omit<Verdict, "holds"> & { readonly holds: boolean | null }>;
}

interface CaseJson {
  readonly name: string;
  readonly at?: number;
  readonly contestants: readonly ContestantJson[];
}

interface ContestantJson {
  readonly name: string;
  readonly figures: Readonly<Partial<Record<FigureName, Spread>>>;
  readonly samples: readonly Sample[];
}

/** What is made of it. */
export interface Results {
  readonly bench: string;
  readonly title: string;
  readonly missing: readonly string[];
  readonly cases: readonly CaseResult[];
  readonly verdicts: readonly Verdict[];
}

/** The results for programs. */
export function resultsJson({ bench, title, missing, cases, verdicts }: Results, now: Date): ResultsJson {
  const cores = cpus();
  return {
    bench,
    title,
    at: now.toISOString(),
    machine: {
      node: process.version,
      cpu: cores[0]?.model ?? "",
      cpus: cores.length,
      memoryBytes: totalmem(),
    },
    missing,
    cases: cases.map(({ name, at, contestants }) => ({
      name,
      ...(at !== undefined && { at }),
      contestants: contestants.map(contestantJson),
    })),
    claims: verdicts.map((verdict) => ({ ...verdict, holds: verdict.holds ?? null })),
  };
}

function contestantJson(one: ContestantResult): ContestantJson {
  const names = figuresIn([{ name: "", contestants: [one] }]);
  const figures = Object.fromEntries(names.map((name) => [name, figureOf(one, name)]));
  return { name: one.name, figures, samples: one.samples };
}
