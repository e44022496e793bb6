import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Case, defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { serveImage } from "../support/served-image.ts";

const MiB = 1024 * 1024;

/** Limits that are measured, and the threads that blobs are received in. */
const LIMITS = [
  { limit: "1M", workers: 0 },
  { limit: "20M", workers: 0 },
  { limit: "20M", workers: 2 },
  { limit: "200M", workers: 2 },
] as const;

const ALONE = "a pull alone";
const BESIDE = "the same pull beside a prefetch";

const CHILD = join(import.meta.dirname, "limits-child.ts");

/** Whether bandwidth limits hold, and prefetches give way. */
export const limits = defineBench({
  name: "limits",
  about:
    "how well a bandwidth limit holds over ten seconds, shared by two pulls, and what a prefetch costs a pull beside it",
  options: {},
  runs: 3,
  warmsUp: false,
  claims: [
    ...LIMITS.map((each) => ({ who: nameOf(each), figure: "offLimit", limit: { atMost: 0.05 } }) as const),
    { who: BESIDE, figure: "wallSeconds", limit: { timesBest: 1.1, of: [ALONE] } },
  ],
  title: () => "Bandwidth",
  async *cases({ data }) {
    await using large = await serveImage(4, 1024 * MiB);
    await using other = await serveImage(4, 1023 * MiB);
    const measure = (...args: readonly string[]): Promise<Sample> =>
      inFreshFolder(data, (root) => runChild([...args, root, large.reference, other.reference]));
    yield {
      name: "limits",
      contestants: LIMITS.map((each) => ({
        name: nameOf(each),
        measure: () => measure("limit", each.limit, String(each.workers)),
      })),
    } satisfies Case;
    await using small = await serveImage(4, 96 * MiB);
    const pull = (mode: string): Promise<Sample> =>
      inFreshFolder(data, (root) => runChild([mode, "", "", root, small.reference, other.reference]));
    yield {
      name: "prefetch",
      contestants: [
        { name: ALONE, measure: () => pull("alone") },
        { name: BESIDE, measure: () => pull("beside") },
      ],
    } satisfies Case;
  },
});

function nameOf({ limit, workers }: (typeof LIMITS)[number]): string {
  return `${limit}, ${workers === 0 ? "the caller's thread" : `${workers} threads`}`;
}

async function runChild(args: readonly string[]): Promise<Sample> {
  const child = spawn(process.execPath, ["--no-warnings", CHILD, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await text(child.stdout)) as Sample;
}
