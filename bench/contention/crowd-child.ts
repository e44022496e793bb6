/** Pulls with a crowd: `crowd-child.ts same|different <root> <host>`. Prints a `Sample` as JSON. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openDistribution } from "../../src/index.ts";
import type { Sample } from "../driver/figures.ts";
import { CROWDED, MANY } from "./scene.ts";

/** Callers who want the same image. */
const SAME = 1_000;

const [, , crowd = "", root = "", host = ""] = process.argv;
const names = crowd === "same" ? Array.from({ length: SAME }, () => CROWDED) : MANY;

await using engine = await openDistribution({ root, registry: { plainHttp: true } });
const memory = (): number => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
await engine.images.list(); // everything is loaded before anything is measured
const before = memory();
const delay = monitorEventLoopDelay({ resolution: 1 });
const [start, cpu] = [performance.now(), process.cpuUsage()];
delay.enable();
const pulls = names.map((name) => engine.pull(`${host}/${name}`, { platform: "linux/amd64" }));
const settled = Promise.allSettled(pulls);
await engine.images.list(); // by then every pull waits for something
const waiting = memory();
const outcomes = await settled;
delay.disable();
const { user, system } = process.cpuUsage(cpu);
const sample: Sample = {
  wallSeconds: (performance.now() - start) / 1_000,
  cpuSeconds: (user + system) / 1e6,
  loopP99Seconds: delay.percentile(99) / 1e9,
  bytesEach: (waiting - before) / names.length,
  failures: outcomes.filter(({ status }) => status === "rejected").length,
};
process.stdout.write(JSON.stringify(sample));
