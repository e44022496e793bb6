/**
 * Pulls with a limit, or beside a prefetch: `limits-child.ts limit|alone|beside <limit> <workers> <root> <reference> <other>`. Prints a
 * `Sample` as JSON.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Distribution, LiveBandwidth, openDistribution } from "drayage";
import type { Sample } from "../driver/figures.ts";

/** How long a rate is measured, in milliseconds. */
const MEASURED_MS = 10_000;

/** How long pulls have to come to their rate before, in milliseconds: threads start meanwhile. */
const BEFORE_MS = 2_000;

const [, , mode = "", limit = "", workers = "", root = "", reference = "", other = ""] = process.argv;

const sample = mode === "limit" ? await withLimit() : await besidePrefetch(mode === "beside");
process.stdout.write(JSON.stringify(sample), () => process.exit());

async function withLimit(): Promise<Sample> {
  const engine = await openDistribution({
    root,
    registry: { plainHttp: true },
    bandwidth: { all: limit },
    ranges: false, // what is behind a hole is not told
    workers: Number(workers),
    bytesPerWorker: 0,
  });
  for (const name of [reference, other]) engine.pull(name).catch(() => {}); // they are not waited for
  await sleep(BEFORE_MS);
  const [start, cpu, before] = [performance.now(), process.cpuUsage(), await bytesOf(engine)];
  await sleep(MEASURED_MS);
  const after = await bytesOf(engine);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const rates = [...after].map(([size, bytes]) => (bytes - (before.get(size) ?? 0)) / seconds);
  const wanted = rateOf(limit);
  const all = rates.reduce((sum, rate) => sum + rate, 0);
  // The sum has to be the limit, and each of two pulls has to have half of it.
  const shares = [all / wanted, ...rates.map((rate) => rate / (wanted / rates.length))];
  return {
    wallSeconds: seconds,
    bytesPerSecond: all,
    cpuSeconds: (user + system) / 1e6,
    offLimit: Math.max(...shares.map((share) => Math.abs(share - 1))),
  };
}

function rateOf(text: string): number {
  return new LiveBandwidth(text).timetable.at(Date.now()).down;
}

/** Bytes of the layers of each image that are here: those of one image are of one size. */
async function bytesOf({ content }: Distribution): Promise<ReadonlyMap<number, number>> {
  const bytes = new Map<number, number>();
  for (const { total, offset } of await content.listStatuses()) {
    bytes.set(total, (bytes.get(total) ?? 0) + offset);
  }
  return bytes;
}

async function besidePrefetch(isBeside: boolean): Promise<Sample> {
  const engine = await openDistribution({ root, registry: { plainHttp: true } });
  await engine.images.list();
  if (isBeside) {
    engine.pull(other, { priority: "prefetch" }).catch(() => {});
    await sleep(500);
  }
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await engine.pull(reference);
  const { user, system } = process.cpuUsage(cpu);
  return { wallSeconds: (performance.now() - start) / 1_000, cpuSeconds: (user + system) / 1e6 };
}
