import type { ParseArgsOptionsConfig, parseArgs } from "node:util";
import type { Claim } from "./claims.ts";
import type { FigureName, Sample } from "./figures.ts";

/** Who does what is measured. */
export interface Contestant {
  readonly name: string;
  /**
   * Does it once, makes sure that it was done right (digests of what was made), and says what it cost.
   *
   * @param round 0 in the round that warms up and does not count
   */
  measure(round: number): Promise<Sample>;
}

/** One situation in which contestants meet. They take turns in it. */
export interface Case {
  readonly name: string;
  readonly contestants: readonly Contestant[];
  /** Who could take part and is not on this machine. */
  readonly missing?: readonly string[];
  /** Its place on the horizontal axis of a plot, and what costs are divided by where they should grow in line with it. */
  readonly at?: number;
  /** What each contestant moves, in bytes: gives the rate. */
  readonly bytes?: number;
}

/** What a plot shows. Its cases have `at`. */
export interface Plot {
  /** What `at` counts. */
  readonly across: string;
  readonly scale: "linear" | "logarithmic";
  readonly figure: FigureName;
}

/** The options that every bench has, as `parseArgs` takes them. */
export const COMMON_OPTIONS = {
  /** Rounds that count. The bench has a number of its own. */
  runs: { type: "string" },
  /** Only what has this in its name, or in that of its case. */
  only: { type: "string", multiple: true },
  /** Where everything is written: a memory file system, so that no disk is measured. */
  data: { type: "string", default: "/dev/shm" },
  /** File for the results as JSON. */
  json: { type: "string" },
  /** File for the plot, where there is one. */
  svg: { type: "string" },
  /** Measures what was built before. */
  "no-build": { type: "boolean", default: false },
} as const satisfies ParseArgsOptionsConfig;

type Values<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options & typeof COMMON_OPTIONS }>
>["values"];

/** A bench as it is declared. */
export interface BenchSpec<Options extends ParseArgsOptionsConfig> {
  readonly name: string;
  /** What is measured, as the list says it. */
  readonly about: string;
  /** Options beside the common ones. */
  readonly options: Options;
  /** Rounds that count. */
  readonly runs: number;
  /** Whether there is a round before that does not count. */
  readonly warmsUp: boolean;
  /** What has to be true. */
  readonly claims: readonly Claim[];
  readonly plot?: Plot;
  /** The head of the results. */
  title(values: Values<Options>): string;
  /** Sets up each case, and takes it down when the next one is asked for. */
  cases(values: Values<Options>): AsyncIterable<Case>;
}

/** A bench that is to be run. */
export type Bench = BenchSpec<ParseArgsOptionsConfig>;

/** Declares a bench: its own options have their types in `title` and `cases`. */
export function defineBench<const Options extends ParseArgsOptionsConfig>(spec: BenchSpec<Options>): Bench {
  return spec as unknown as Bench; // it is given what `parseArgs` made of its own options
}
