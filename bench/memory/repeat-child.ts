/**
 * Pulls the same image over and over: `repeat-child.ts again|anew <count> <root> <reference>`, `anew` after it was removed. Prints, as a
 * `Sample`, what a pull leaves behind: as many pulls have gone before, and of two halves of them it is the one that left least behind. What
 * is never given back shows in each of them, caches do not. Compiled code does not count: where V8 compiles, it does so for thousands of pulls.
 */
import { readdirSync } from "node:fs";
import { getHeapSpaceStatistics } from "node:v8";
import { openDistribution } from "drayage";
import type { Sample } from "../driver/figures.ts";

/** Where V8 keeps compiled code, and what belongs to it. */
const CODE_SPACES = ["code_space", "code_large_object_space", "trusted_space", "trusted_large_object_space"];

const [, , how = "", count = "0", root = "", reference = ""] = process.argv;
const part = Number(count) / 2;

await using engine = await openDistribution({ root, registry: { plainHttp: true } });
await pull(Number(count));
let before = await held();
const left: Held[] = [];
for (let measured = 0; measured < 2; measured++) {
  await pull(part);
  const after = await held();
  left.push({ bytes: after.bytes - before.bytes, files: after.files - before.files });
  before = after;
}
const sample: Sample = {
  bytesEach: Math.min(...left.map(({ bytes }) => bytes)) / part,
  descriptorGrowth: Math.min(...left.map(({ files }) => files)),
};
process.stdout.write(JSON.stringify(sample));

async function pull(times: number): Promise<void> {
  for (let at = 0; at < times; at++) {
    if (how === "anew" && at > 0) await engine.remove(reference);
    await engine.pull(reference);
  }
}

/** Memory, in bytes, and how many open files. */
interface Held {
  readonly bytes: number;
  readonly files: number;
}

/** What is held when everything has come to rest. */
async function held(): Promise<Held> {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc?.();
  }
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => !CODE_SPACES.includes(space_name));
  const heapBytes = spaces.reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  const { external } = process.memoryUsage();
  return { bytes: heapBytes + external, files: readdirSync("/proc/self/fd").length };
}
