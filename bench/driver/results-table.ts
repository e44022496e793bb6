import { formatTable } from "../../src/cli/format-table.ts";
import type { Verdict } from "./claims.ts";
import { formatFigure, styleOf } from "./figures.ts";
import { type CaseResult, type ContestantResult, figureOf, figuresIn } from "./results.ts";

/** Medians as a table, a line for each contestant of each case; the last column is the wall time beside the shortest one's. */
export function resultsTable(cases: readonly CaseResult[]): string {
  const figures = figuresIn(cases);
  const compares = figures.includes("wallSeconds") && cases.some(({ contestants }) => contestants.length > 1);
  const head = [
    "CASE",
    "BY",
    ...figures.flatMap((name) =>
      styleOf(name).showsRange ? [styleOf(name).head, "FROM, TO"] : [styleOf(name).head],
    ),
    ...(compares ? [": SHORTEST"] : []),
  ];
  const rows = cases.flatMap(({ name, contestants }) => {
    const shortest = Math.min(...contestants.map(wallOf).filter((wall) => !Number.isNaN(wall)));
    return contestants.map((one, at) => [
      at === 0 ? name : "",
      one.name,
      ...figures.flatMap((figure) => {
        const { median, min, max } = figureOf(one, figure);
        const shown = formatFigure(figure, median);
        if (!styleOf(figure).showsRange) return [shown];
        return [shown, `${formatFigure(figure, min)} to ${formatFigure(figure, max)}`];
      }),
      ...(compares ? [(wallOf(one) / shortest).toFixed(2)] : []),
    ]);
  });
  const hasNames = cases.some(({ name }) => name !== "");
  return formatTable([head, ...rows].map((row) => (hasNames ? row : row.slice(1))));
}

function wallOf(one: ContestantResult): number {
  return figureOf(one, "wallSeconds").median;
}

/** What became of the claims, as a table. */
export function verdictsTable(verdicts: readonly Verdict[]): string {
  return formatTable(verdicts.map(({ claim, got, holds }) => [wordFor(holds), got, claim]));
}

function wordFor(holds: boolean | undefined): string {
  if (holds === undefined) return "not judged";
  return holds ? "holds" : "DOES NOT HOLD";
}
