/**
 * Pulls the same image over and over: `repeat-child.ts again|anew <count> <root> <reference>`, `anew` after it was removed. Prints, as a
 * `Sample`, what the second half of the pulls left behind: memory that nobody can reach is collected before it is counted.
 */
import { readdirSync } from "node:fs";
import { openDistribution } from "drayage";
import type { Sample } from "../driver/figures.ts";

const [, , how = "", count = "0", root = "", reference = ""] = process.argv;
const half = Number(count) / 2;

await using engine = await openDistribution({ root, registry: { plainHttp: true } });
await pull(half);
const before = await held();
await pull(half);
const after = await held();
const sample: Sample = {
  growthBytes: after.bytes - before.bytes,
  bytesEach: (after.bytes - before.bytes) / half,
  descriptorGrowth: after.files - before.files,
};
process.stdout.write(JSON.stringify(sample));

async function pull(times: number): Promise<void> {
  for (let at = 0; at < times; at++) {
    if (how === "anew" && at > 0) await engine.remove(reference);
    await engine.pull(reference);
  }
}

/** Memory and open files, when everything has come to rest. */
async function held(): Promise<{ readonly bytes: number; readonly files: number }> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  return { bytes: heapUsed + external, files: readdirSync("/proc/self/fd").length };
}
