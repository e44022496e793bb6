/** Pulls with a crowd: `crowd-child.ts same|different <root> <host>`. Prints `CrowdFigures` as JSON. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openDistribution } from "../../src/index.ts";
import { CROWDED, MANY } from "./scene.ts";

/** Callers who want the same image. */
const SAME = 1_000;

/** What a crowd cost. */
export interface CrowdFigures {
  readonly pulls: number;
  readonly failed: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** 99th percentile of how late the event loop was, in milliseconds. */
  readonly loopP99Ms: number;
  /** Memory for each pull that waits, in bytes. */
  readonly bytesPerPull: number;
}

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
const figures: CrowdFigures = {
  pulls: names.length,
  failed: outcomes.filter(({ status }) => status === "rejected").length,
  wallMs: performance.now() - start,
  cpuMs: (user + system) / 1_000,
  loopP99Ms: delay.percentile(99) / 1e6,
  bytesPerPull: (waiting - before) / names.length,
};
process.stdout.write(JSON.stringify(figures));
