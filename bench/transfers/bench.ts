import { join } from "node:path";
import { defineBench } from "../driver/bench.ts";
import type { Claim } from "../driver/claims.ts";
import type { Sample } from "../driver/figures.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { measureOutput } from "../support/measure.ts";

/** How many transfers one download has. */
const COUNTS = [1_250, 2_500, 5_000, 10_000];

const KINDS = [
  { where: "memory", who: "verified in memory" },
  { where: "store", who: "into a content store" },
] as const;

const CHILD = join(import.meta.dirname, "transfers-child.ts");

/** What the transfer manager itself costs. */
export const transfers = defineBench({
  name: "transfers",
  about:
    "10,000 transfers of 1 KiB through the download manager, without and with a content store, and how they grow",
  options: {},
  runs: 3,
  warmsUp: false,
  claims: KINDS.flatMap(({ who }): readonly Claim[] => [
    { who, figure: "wallSeconds", limit: { eachTimes: 1.25 } },
    { who, figure: "cpuSeconds", limit: { eachTimes: 1.25 } },
    { who, figure: "loopP99Seconds", limit: { atMost: 0.03 } },
  ]),
  plot: { across: "transfers of 1 KiB", scale: "linear", figure: "wallSeconds" },
  title: () => "Transfers of 1 KiB in one download, three at once",
  async *cases({ data }) {
    for (const at of COUNTS) {
      const contestants = KINDS.map(({ where, who }) => ({
        name: who,
        measure: () => inFreshFolder(data, (root) => transfer(where, String(at), root)),
      }));
      yield { name: `${at.toLocaleString("en")} transfers`, at, contestants };
    }
  },
});

async function transfer(...args: readonly string[]): Promise<Sample> {
  const program = [process.execPath, "--no-warnings", CHILD, ...args];
  const { output } = await measureOutput(program, process.env);
  return JSON.parse(output) as Sample;
}
