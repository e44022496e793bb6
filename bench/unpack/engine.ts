/**
 * What embeds drayage and has been running: `engine.ts` says "ready", takes a line `{ root, reference }`, pulls and unpacks into
 * that new root, and answers with what it cost. Ends with its input.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";

/** Jiffies per second in /proc: USER_HZ, which is 100 on every platform that node runs on. */
const TICKS_PER_SECOND = 100;

process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const { root, reference } = JSON.parse(line) as { root: string; reference: string };
  await using distribution = await openDistribution({ root, layers: true, registry: { plainHttp: true } });
  const [start, before] = [performance.now(), cpuSeconds()];
  await distribution.pull(reference);
  const cost = { wallSeconds: (performance.now() - start) / 1_000, cpuSeconds: cpuSeconds() - before };
  process.stdout.write(`${JSON.stringify({ ...cost, maxRssMb: process.resourceUsage().maxRSS / 1024 })}\n`);
}

/** Of this process with its threads, and of its children that have ended. */
function cpuSeconds(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
