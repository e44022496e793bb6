import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatTable } from "../../src/cli/format-table.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { type Cost, measureImport, measureNode, summary } from "./measure.ts";

/** Times that each thing is done, after once to warm up and to keep what is compiled. */
const ROUNDS = 7;

/** Size of the image's only layer, in bytes. */
const LAYER_BYTES = 10 * 1_024;

const MAIN = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

const BARE = "node -e 0";

/** Something that is started, and what it may take. */
interface Task {
  readonly title: string;
  readonly run: (round: number) => Promise<Cost>;
  /** How many times as long as `node -e 0`, or how many milliseconds. */
  readonly limit?: { readonly times: number } | { readonly ms: number };
}

const directory = await mkdtemp(join(tmpdir(), "drayage-bench-"));
try {
  await using registry = await TestRegistry.start();
  await buildImage(registry, "bench/small", { tag: "v1", layers: [LAYER_BYTES] });
  const results = await runAll(tasks(`${registry.host}/bench/small:v1`));
  process.stdout.write(`Node.js ${process.version}, medians of ${ROUNDS}\n\n${formatTable(table(results))}`);
} finally {
  await rm(directory, { recursive: true, force: true });
}

function tasks(image: string): readonly Task[] {
  const environment = { XDG_CACHE_HOME: directory };
  const run = (...args: string[]): Promise<Cost> => measureNode(args, environment);
  return [
    { title: BARE, run: () => run("-e", "0") },
    { title: 'import "drayage"', run: () => measureImport("drayage", environment), limit: { ms: 70 } },
    { title: "drayage --version", run: () => run(MAIN, "--version"), limit: { times: 3.5 } },
    { title: "drayage --help", run: () => run(MAIN, "--help") },
    { title: "drayage images", run: () => run(MAIN, "images", "--root", join(directory, "0")) },
    {
      title: "drayage pull -q, 10 KiB",
      run: (round) => run(MAIN, "pull", "-q", "--root", join(directory, String(round)), image),
      limit: { times: 8 },
    },
  ];
}

/** Round by round, so that a busy moment hits all. */
async function runAll(all: readonly Task[]): Promise<ReadonlyMap<Task, Cost>> {
  const costs = new Map<Task, Cost[]>(all.map((task) => [task, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const task of round === 0 ? all.toReversed() : all) {
      const cost = await task.run(round);
      if (round > 0) costs.get(task)?.push(cost);
    }
  }
  return new Map([...costs].map(([task, list]) => [task, summary(list)]));
}

function table(results: ReadonlyMap<Task, Cost>): readonly (readonly string[])[] {
  const bare = [...results].find(([{ title }]) => title === BARE)?.[1].wall ?? Number.NaN;
  const rows = [...results].map(([{ title, limit }, { wall, cpu }]) => {
    const times = `${(wall / bare).toFixed(1)} times`;
    const most = limit && ("ms" in limit ? `at most ${limit.ms} ms` : `at most ${limit.times} times`);
    return [title, `${wall.toFixed(0)} ms`, `${cpu.toFixed(0)} ms`, times, most ?? ""];
  });
  return [["WHAT", "WALL", "CPU", "BESIDE NODE", "WANTED"], ...rows];
}
