/**
 * What embeds drayage and has been running: `engine.ts` says "ready", takes a line `{ root, reference }`, pulls and unpacks into
 * that new root, and answers with what it cost. Ends with its input.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";
import type { EngineCost } from "./run-engine.ts";

/** Jiffies per second in /proc: USER_HZ, which is 100 on every platform that node runs on. */
const TICKS_PER_SECOND = 100;

/** How often the event loop is looked at, in milliseconds. It is late by what is more. */
const LOOK_MS = 5;

const NANOSECONDS_PER_MS = 1e6;

process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const { root, reference } = JSON.parse(line) as { root: string; reference: string };
  await using distribution = await openDistribution({ root, layers: true, registry: { plainHttp: true } });
  const loop = monitorEventLoopDelay({ resolution: LOOK_MS });
  loop.enable();
  const [start, before] = [performance.now(), cpuSeconds()];
  await distribution.pull(reference);
  const cost: EngineCost = {
    wallSeconds: (performance.now() - start) / 1_000,
    cpuSeconds: cpuSeconds() - before,
    peakMib: process.resourceUsage().maxRSS / 1024,
    loopP99Ms: loop.percentile(99) / NANOSECONDS_PER_MS - LOOK_MS,
    loopMaxMs: loop.max / NANOSECONDS_PER_MS - LOOK_MS,
  };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}

/** Of this process with its threads, and of its children that have ended. */
function cpuSeconds(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
