/** Pulls with a crowd: `crowd-child.ts same|different <count> <root> <host>`. Prints a `Sample` as JSON. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openDistribution } from "drayage";
import type { Sample } from "../driver/figures.ts";
import { CROWDED, MANY } from "./images.ts";

const [, , crowd = "", count = "0", root = "", host = ""] = process.argv;
const names = Array.from({ length: Number(count) }, (_, at) =>
  crowd === "same" ? CROWDED : (MANY[at] ?? ""),
);

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
const wallSeconds = (performance.now() - start) / 1_000;
const sample: Sample = {
  wallSeconds,
  cpuSeconds: (user + system) / 1e6,
  secondsEach: wallSeconds / names.length,
  loopP99Seconds: delay.percentile(99) / 1e9,
  loopMaxSeconds: delay.max / 1e9,
  bytesEach: (waiting - before) / names.length,
  failures: outcomes.filter(({ status }) => status === "rejected").length,
};
process.stdout.write(JSON.stringify(sample));
