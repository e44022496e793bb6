/**
 * What embeds drayage and has been running: says "ready", takes a line with an `EngineJob`, does it in a distribution of its own, and
 * answers with an `EngineCost`. Ends with its input.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";
import { endedChildrenSeconds, measureHere } from "./measure.ts";
import type { EngineCost, EngineJob } from "./running-engine.ts";

/** How often the event loop is looked at, in milliseconds. It is late by what is more. */
const LOOK_MS = 5;

const NANOSECONDS = 1e9;

process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as EngineJob))}\n`);
}

async function run(job: EngineJob): Promise<EngineCost> {
  const { options, before = [], copiedBefore = [], reference, pushTo, copyTo } = job;
  await using distribution = await openDistribution(options);
  for (const warm of before) await distribution.pull(warm);
  for (const warm of copiedBefore) await distribution.copy(warm.reference, warm.copyTo);
  const loop = monitorEventLoopDelay({ resolution: LOOK_MS });
  loop.enable();
  const children = endedChildrenSeconds();
  const { wallSeconds, cpuSeconds } = await measureHere(async () => {
    if (copyTo !== undefined) await distribution.copy(reference, copyTo);
    else if (pushTo !== undefined) await distribution.push(reference, { target: pushTo });
    else await distribution.pull(reference);
  });
  return {
    wallSeconds,
    cpuSeconds: cpuSeconds + endedChildrenSeconds() - children,
    peakBytes: process.resourceUsage().maxRSS * 1_024,
    loopP99Seconds: secondsLate(loop.percentile(99)),
    loopMaxSeconds: secondsLate(loop.max),
  };
}

function secondsLate(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS - LOOK_MS / 1_000);
}
