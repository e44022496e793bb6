import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/format-table.ts";
import { type Distribution, type DistributionOptions, openDistribution } from "../../src/index.ts";
import { measureCrowds } from "./crowds.ts";
import { startRegistries } from "./registries.ts";
import { BROKEN, MEASURED, MEASURED_TEXT } from "./scene.ts";
import { CONNECT_TIMEOUT_MS, type Scene, TROUBLES, type Trouble } from "./troubles.ts";

const RUNS = 5;

/** Beside trouble, a pull may take so many times what it takes alone. */
const LIMIT = 1.2;

/** Pulls of the broken blob that are started together. */
const TOGETHER = 10;

const BROKEN_PULLS = `${TOGETHER} pulls of a broken blob, beside one`;
const CROWDS = "many pulls at once";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: String(RUNS) },
    /** A memory file system, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
    /** Only cases whose name has this in it. */
    only: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);
const isWanted = (name: string): boolean => name.includes(values.only);

/** What something took, in seconds. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

await using registries = await startRegistries();
const rows: string[][] = [];
for (const trouble of TROUBLES.filter(({ name }) => isWanted(name))) {
  const pull = (beside?: Trouble) => pullBeside(beside, trouble);
  rows.push(await compared(trouble, { alone: () => pull(), beside: () => pull(trouble) }));
}
if (isWanted(BROKEN_PULLS)) {
  const pulls = { alone: () => pullBroken(1), beside: () => pullBroken(TOGETHER) };
  rows.push(await compared({ name: BROKEN_PULLS }, pulls));
}
if (rows.length > 0) {
  const once = `a black hole may cost ${CONNECT_TIMEOUT_MS} ms more, once`;
  console.log(`A pull of ${MEASURED_TEXT}, alone and beside trouble, medians of ${runs} pairs; ${once}:`);
  process.stdout.write(
    formatTable([["BESIDE", "ALONE", "CPU", "BESIDE", "CPU", "RATIO", `<= ${LIMIT}`], ...rows]),
  );
}
if (isWanted(CROWDS)) await measureCrowds(registries, { runs, data: values.data });

/** Measures in turn, so that what changes on the machine meanwhile changes both. */
async function compared(
  { name, onceMs = 0 }: Pick<Trouble, "name" | "onceMs">,
  measures: Readonly<Record<"alone" | "beside", () => Promise<Cost>>>,
): Promise<string[]> {
  const [alone, beside]: [Cost[], Cost[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    alone.push(await measures.alone());
    beside.push(await measures.beside());
  }
  const [without, with_] = [median(alone), median(beside)];
  const ratio = (with_.wall - onceMs / 1_000) / without.wall;
  return [name, ...figures(without), ...figures(with_), ratio.toFixed(2), ratio <= LIMIT ? "yes" : "NO"];
}

async function pullBeside(beside: Trouble | undefined, { prepare }: Trouble): Promise<Cost> {
  const root = await mkdtemp(join(values.data, "drayage-bench-"));
  const scene: Scene = { root, registries };
  await using registry = await beside?.registry?.(scene);
  try {
    await using engine = await open(root, registry?.options);
    await prepare?.(engine, scene);
    await using _ = await beside?.start?.(engine, scene);
    return await timed(() =>
      engine.pull(`${registries.hosts.healthy}/${MEASURED}`, { platform: "linux/amd64" }),
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** The time until pulls that cannot succeed have all failed. */
async function pullBroken(count: number): Promise<Cost> {
  const root = await mkdtemp(join(values.data, "drayage-bench-"));
  try {
    await using engine = await open(root);
    const name = `${registries.hosts.broken}/${BROKEN}`;
    const pull = () => engine.pull(name, { platform: "linux/amd64" });
    return await timed(() => Promise.allSettled(Array.from({ length: count }, pull)));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Waits between attempts are the same in every run, so that luck is not measured. */
function open(
  root: string,
  registry: DistributionOptions["registry"] = { plainHttp: true },
): Promise<Distribution> {
  const connection = { connectTimeoutMs: CONNECT_TIMEOUT_MS };
  return openDistribution({ root, registry, connection, backoff: { baseMs: 200, random: () => 0.5 } });
}

async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wall: (performance.now() - start) / 1_000, cpu: (user + system) / 1e6 };
}

function median(costs: readonly Cost[]): Cost {
  return { wall: middle(costs.map(({ wall }) => wall)), cpu: middle(costs.map(({ cpu }) => cpu)) };
}

function figures({ wall, cpu }: Cost): string[] {
  return [`${wall.toFixed(2)} s`, `${cpu.toFixed(2)} s`];
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}
