import { FIGURES, type FigureName, formatFigure } from "./figures.ts";
import { type CaseResult, type ContestantResult, figureOf } from "./results.ts";

/** What has to be true of a contestant's median. */
export interface Claim {
  /** Whose. */
  readonly who: string;
  readonly figure: FigureName;
  /** In the case of this name; by default in each. */
  readonly within?: string;
  readonly limit: Limit;
}

/**
 * - `atMost`: in the figure's unit;
 * - `timesBest`: so many times the best of those peers that took part;
 * - `eachTimes`: divided by what the case counts (`at`), what it is in the largest case is at most so many times what it is in
 *   the cheapest one: it grows in line.
 */
export type Limit =
  | { readonly atMost: number }
  | { readonly timesBest: number; readonly of: readonly string[] }
  | { readonly eachTimes: number };

/** What became of a claim. */
export interface Verdict {
  /** The claim in words. */
  readonly claim: string;
  /** What was found, in words. */
  readonly got: string;
  /** `undefined`: nobody to judge it by took part. */
  readonly holds: boolean | undefined;
}

/** Judges claims, each by its worst case. Those about cases and contestants that were left out are left out too. */
export function judge(claims: readonly Claim[], cases: readonly CaseResult[]): readonly Verdict[] {
  return claims.flatMap((claim) => {
    const about = cases.filter(
      ({ name, contestants }) =>
        (claim.within ?? name) === name && contestants.some((one) => one.name === claim.who),
    );
    if (about.length === 0) return [];
    const { limit } = claim;
    return [
      "eachTimes" in limit ? judgeGrowth(claim, limit.eachTimes, about) : judgeWorst(claim, limit, about),
    ];
  });
}

function judgeWorst(
  { who, figure, within }: Claim,
  limit: Exclude<Limit, { readonly eachTimes: number }>,
  cases: readonly CaseResult[],
): Verdict {
  const isTimes = "timesBest" in limit;
  const most = isTimes ? limit.timesBest : limit.atMost;
  const words = isTimes ? `${most} times ${bestOf(limit.of)}` : formatFigure(figure, most);
  const claim = `${within === undefined ? "" : `${within}: `}${who}, ${headOf(figure)} at most ${words}`;
  const values = cases.map(({ name, contestants }) => {
    const own = medianOf(contestants, who, figure);
    return { name, value: isTimes ? own / bestMedian(contestants, limit.of, figure) : own };
  });
  const judged = values.filter(({ value }) => !Number.isNaN(value));
  const [worst] = judged.toSorted((a, b) => b.value - a.value);
  if (!worst) return { claim, got: "nothing to judge by", holds: undefined };
  const got = isTimes ? `${worst.value.toFixed(2)} times` : formatFigure(figure, worst.value);
  const where = within === undefined && cases.length > 1 ? ` (${worst.name})` : "";
  return { claim, got: `${got}${where}`, holds: worst.value <= most };
}

/** The least median of those peers who took part; not a number where none did. */
function bestMedian(
  contestants: readonly ContestantResult[],
  peers: readonly string[],
  figure: FigureName,
): number {
  const medians = peers.map((peer) => medianOf(contestants, peer, figure));
  const present = medians.filter((value) => !Number.isNaN(value));
  return present.length === 0 ? Number.NaN : Math.min(...present);
}

function judgeGrowth({ who, figure }: Claim, most: number, cases: readonly CaseResult[]): Verdict {
  const claim = `${who}, ${headOf(figure)} grows in line: at most ${most} times as much for each where there are most`;
  const sorted = cases.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0));
  const each = sorted.map(({ at = 1, contestants }) => medianOf(contestants, who, figure) / at);
  if (each.length < 2) return { claim, got: "one case alone", holds: undefined };
  const times = (each.at(-1) ?? Number.NaN) / Math.min(...each);
  return { claim, got: `${times.toFixed(2)} times`, holds: times <= most };
}

function medianOf(contestants: readonly ContestantResult[], who: string, figure: FigureName): number {
  const one = contestants.find(({ name }) => name === who);
  return one ? figureOf(one, figure).median : Number.NaN;
}

function headOf(figure: FigureName): string {
  const { head } = FIGURES[figure];
  return /CPU|P99/.test(head) ? head.replace("LOOP", "loop") : head.toLowerCase();
}

function bestOf(peers: readonly string[]): string {
  return peers.length === 1 ? String(peers[0]) : `the best of ${peers.join(", ")}`;
}
