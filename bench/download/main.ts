import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openDistribution } from "drayage";
import { formatTable } from "../../src/cli/format-table.ts";
import { type Digest, Digester, encodedOf } from "../../src/digest/digest.ts";
import { selfSigned } from "../../src/testing/certificates/self-signed.ts";
import { startDockerRegistry } from "../../test/real/support/docker-registry.ts";
import { tagInLayout, writeImage } from "../../test/real/support/images.ts";
import { inTurns } from "../support/in-turns.ts";
import {
  type Contestant,
  type Download,
  type DownloadCost,
  findContestants,
  inFreshFolder,
} from "./contestants.ts";

/** 1 GiB that does not compress, by default in eight layers of 128 MiB. */
const IMAGE_BYTES = 1024 * 1024 * 1024;
const LAYERS = 8;

/** What an engine has pulled before: enough for it to have started all that it uses. */
const WARM_LAYERS = 4;
const WARM_LAYER_BYTES = 128 * 1024 * 1024;

const RUNS = 7;

const { values } = parseArgs({
  options: {
    /** Where the image is made. */
    work: { type: "string", default: tmpdir() },
    /** A memory file system, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
    runs: { type: "string", default: String(RUNS) },
    layers: { type: "string", default: String(LAYERS) },
    /** HTTPS, as any registry that is not on this machine has it. */
    tls: { type: "boolean", default: false },
    /** Only contestants whose name has this in it. */
    only: { type: "string", default: "" },
  },
});
const found = await findContestants();
for (const name of found.missing) console.log(`MISSING: ${name} does not answer and takes no part`);
const contestants = found.contestants.filter(({ name }) => name.includes(values.only));
const layerCount = Number(values.layers);
const tls = values.tls ? selfSigned() : undefined;
await mkdir(values.work, { recursive: true });
await using registry = await startDockerRegistry({ dataFolder: values.data, tls });
const wanted = await fillRegistry();
const job = {
  reference: `${registry.host}/bench/image:v1`,
  warm: `${registry.host}/bench/warm:v1`,
  tls: values.tls,
};
const runs = new Map<Contestant, DownloadCost[]>(contestants.map((contestant) => [contestant, []]));
for (const [round, contestant] of inTurns(contestants, [0, Number(values.runs)])) {
  const cost = await download(contestant, round === 0);
  if (round > 0) runs.get(contestant)?.push(cost); // the first one warms caches up, and its bytes are looked at
}
printResults();

/** Puts both images into the registry. The digests of the one that is measured. */
async function fillRegistry(): Promise<readonly Digest[]> {
  const folder = await mkdtemp(join(values.work, "drayage-bench-"));
  try {
    const layers = await push(folder, "bench/image:v1", layerCount, Math.floor(IMAGE_BYTES / layerCount));
    await push(folder, "bench/warm:v1", WARM_LAYERS, WARM_LAYER_BYTES);
    return layers;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function push(folder: string, name: string, count: number, bytes: number): Promise<readonly Digest[]> {
  const root = join(folder, name);
  const recipe = Array.from({ length: count }, (_, at) => ({
    bytes,
    compression: "none" as const,
    seed: `${name} ${at}`,
  }));
  const { manifest, layers } = await writeImage(root, { layers: recipe });
  await tagInLayout(root, `localhost/${name}`, manifest);
  const connection = values.tls ? { insecureRegistries: [registry.host] } : { plainHttp: true };
  await using distribution = await openDistribution({ root, registry: connection });
  await distribution.push(`localhost/${name}`, { target: `${registry.host}/${name}` });
  return layers.map(({ digest }) => digest);
}

async function download(contestant: Contestant, isChecked: boolean): Promise<DownloadCost> {
  return await inFreshFolder(values.data, async (folder) => {
    const [cost, layout] = await contestant.download({ ...job, folder } satisfies Download);
    if (layout !== undefined) await assertArrived(layout, contestant.name, isChecked);
    return cost;
  });
}

/** Throws when a layer is not there, or, where the bytes are looked at, is another. */
async function assertArrived(layout: string, name: string, isChecked: boolean): Promise<void> {
  const files = await readdir(layout, { recursive: true });
  for (const digest of wanted) {
    const path = files.find((file) => file.endsWith(encodedOf(digest)));
    if (path === undefined) throw new Error(`Cannot count the download by ${name}: ${digest} is not there`);
    if (!isChecked) continue;
    const digester = new Digester();
    for await (const chunk of createReadStream(join(layout, path))) digester.update(chunk as Uint8Array);
    if (digester.digest() !== digest)
      throw new Error(`Cannot count the download by ${name}: ${digest} differs`);
  }
}

function printResults(): void {
  const medians = Array.from(runs, ([{ name }, costs]) => ({
    name,
    walls: costs.map(({ wallSeconds }) => wallSeconds).toSorted((a, b) => a - b),
    wall: middle(costs.map(({ wallSeconds }) => wallSeconds)),
    cpu: middle(costs.map(({ cpuSeconds }) => cpuSeconds)),
    peak: middle(costs.map(({ peakMib }) => peakMib)),
  }));
  const peers = medians.filter(({ name }) => !name.startsWith("drayage"));
  const best = { wall: least(peers.map(({ wall }) => wall)), cpu: least(peers.map(({ cpu }) => cpu)) };
  const rows = medians.map(({ name, walls, wall, cpu, peak }) => [
    name,
    seconds(wall),
    `${seconds(walls[0] ?? Number.NaN)} to ${seconds(walls.at(-1) ?? Number.NaN)}`,
    seconds(cpu),
    Number.isNaN(peak) ? "" : `${peak.toFixed(0)} MiB`,
    (wall / best.wall).toFixed(2),
    (cpu / best.cpu).toFixed(2),
  ]);
  const how = values.tls ? "HTTPS" : "HTTP";
  const mebibytes = Math.round(IMAGE_BYTES / layerCount / 1024 ** 2);
  console.log(
    `\n${layerCount} layers of ${mebibytes} MiB by ${how}, verified, medians of ${values.runs}, seconds; the last two beside the best peer's:`,
  );
  process.stdout.write(
    formatTable([["BY", "WALL", "FROM, TO", "CPU", "PEAK", "WALL : BEST", "CPU : BEST"], ...rows]),
  );
}

function least(figures: readonly number[]): number {
  return Math.min(...figures);
}

function middle(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}

function seconds(figure: number): string {
  return figure.toFixed(2);
}
