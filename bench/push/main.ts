import { copyFile, link, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/format-table.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { selfSigned } from "../../src/testing/certificates/self-signed.ts";
import {
  askRegistry,
  type DockerRegistry,
  startDockerRegistry,
} from "../../test/real/support/docker-registry.ts";
import { tagInLayout, writeImage } from "../../test/real/support/images.ts";
import { inTurns } from "../support/in-turns.ts";
import { type Cost, cpuSecondsOf } from "../support/measure.ts";
import { type Contestant, findContestants } from "./contestants.ts";

/** 1 GiB that does not compress, by default in eight layers of 128 MiB. */
const IMAGE_BYTES = 1024 * 1024 * 1024;
const LAYERS = 8;

const RUNS = 5;

/** Above this share of all cores' time the machine, and nobody's waiting, sets the pace. */
const BUSY = 0.8;

const SOURCE = "localhost/bench/push:v1";

/** What one push cost both sides. */
interface Run extends Cost {
  readonly registryCpuSeconds: number;
}

const { values } = parseArgs({
  options: {
    work: { type: "string", default: tmpdir() },
    /** A memory file system, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
    runs: { type: "string", default: String(RUNS) },
    layers: { type: "string", default: String(LAYERS) },
    /** HTTPS, as any registry that is not on this machine has it. */
    tls: { type: "boolean", default: false },
  },
});
const layerCount = Number(values.layers);
const layerBytes = Math.floor(IMAGE_BYTES / layerCount);
const tls = values.tls ? selfSigned() : undefined;
const { contestants, missing } = findContestants();
for (const name of missing) console.log(`MISSING: ${name} is not on PATH and takes no part`);
await mkdir(values.work, { recursive: true });
const folder = await mkdtemp(join(values.work, "drayage-bench-"));
try {
  const layers = Array.from({ length: layerCount }, () => ({
    bytes: layerBytes,
    compression: "none" as const,
  }));
  const original = join(folder, "original");
  const { manifest } = await writeImage(original, { layers });
  await tagInLayout(original, SOURCE, manifest);
  const runs = new Map<Contestant, Run[]>(contestants.map((contestant) => [contestant, []]));
  for (const [round, contestant] of inTurns(contestants, [1, Number(values.runs)])) {
    const run = await push(contestant, original, manifest);
    runs.get(contestant)?.push(run);
    console.log(`round ${round}: ${contestant.name} ${seconds(run.wallSeconds)}`);
  }
  printResults(runs);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** One push to a registry that has never seen anything, from a layout that nobody has pushed from. */
async function push(contestant: Contestant, original: string, manifest: Descriptor): Promise<Run> {
  await using registry = await startDockerRegistry({ dataFolder: values.data, tls });
  const layout = await freshLayout(original);
  const target = `${registry.host}/bench/push:v1`;
  const cost = await contestant.push({ layout, source: SOURCE, target, tls: values.tls }, folder);
  const registryCpuSeconds = cpuSecondsOf(registry.pid);
  await assertArrived(registry, manifest);
  await rm(layout, { recursive: true });
  return { ...cost, registryCpuSeconds };
}

/** The layout under a new folder: its blobs are links, and no push has left notes there. */
async function freshLayout(original: string): Promise<string> {
  const layout = await mkdtemp(join(folder, "layout-"));
  const blobs = join("blobs", "sha256");
  await mkdir(join(layout, blobs), { recursive: true });
  for (const name of await readdir(join(original, blobs))) {
    await link(join(original, blobs, name), join(layout, blobs, name));
  }
  for (const name of ["oci-layout", "index.json"]) await copyFile(join(original, name), join(layout, name));
  return layout;
}

/** Throws when the registry does not have the image as it was. */
async function assertArrived({ url }: DockerRegistry, { mediaType, digest }: Descriptor): Promise<void> {
  const { status, headers } = await askRegistry(`${url}/v2/bench/push/manifests/v1`, { accept: mediaType });
  const got = headers["docker-content-digest"];
  if (got !== digest)
    throw new Error(`Cannot count the push: got ${got?.toString() ?? status}, wanted ${digest}`);
}

function printResults(runs: ReadonlyMap<Contestant, readonly Run[]>): void {
  const rows = Array.from(runs, ([{ name }, results]) => ({ name, ...medians(results) }));
  const table = rows.map(({ name, wallSeconds, cpuSeconds, registryCpuSeconds }) => [
    name,
    ...[wallSeconds, cpuSeconds, registryCpuSeconds].map(seconds),
    `${((layerCount * layerBytes) / 1024 ** 2 / wallSeconds).toFixed(0)} MiB/s`,
  ]);
  const mebibytes = Math.round(layerBytes / 1024 ** 2);
  console.log(
    `\n${layerCount} layers of ${mebibytes} MiB, layout to registry${values.tls ? " by HTTPS" : ""}, medians of ${values.runs}:`,
  );
  process.stdout.write(formatTable([["PUSHED BY", "WALL", "ITS CPU", "REGISTRY CPU", "RATE"], ...table]));

  const [ours] = rows;
  if (!ours) return;
  const cores = cpus().length;
  const busy = (ours.cpuSeconds + ours.registryCpuSeconds) / (ours.wallSeconds * cores);
  const share = `${Math.round(busy * 100)} % of ${cores} cores, ${seconds(ours.registryCpuSeconds)} of it the registry's`;
  const bound = busy >= BUSY ? "the machine's CPU time" : "waiting, not CPU time";
  console.log(`\nBound by ${bound}: pushing by drayage keeps busy ${share}`);
  const isOurs = ({ name }: { readonly name: string }): boolean => name.startsWith(ours.name);
  const [best] = rows.filter((row) => !isOurs(row)).toSorted((a, b) => a.wallSeconds - b.wallSeconds);
  if (!best) return;
  for (const { name, wallSeconds } of rows.filter(isOurs)) {
    console.log(`${name} : ${best.name} = ${(wallSeconds / best.wallSeconds).toFixed(2)} : 1 (wall)`);
  }
}

function medians(runs: readonly Run[]): Run {
  return {
    wallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
    registryCpuSeconds: median(runs.map(({ registryCpuSeconds }) => registryCpuSeconds)),
  };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}
