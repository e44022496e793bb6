import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDistribution } from "../../../src/index.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { drawOperation, type Material, type Task } from "./support/operation.ts";
import { type Random, randomFrom } from "./support/random.ts";
import { leftovers, lostContent, unswept } from "./support/violations.ts";
import { startWorker, type Worker } from "./support/workers.ts";

const { DRAYAGE_OWNERSHIP_RUNS = "300", DRAYAGE_OWNERSHIP_SEED = "" } = process.env;

/** How many runs are made; more by hand. */
const RUNS = Number(DRAYAGE_OWNERSHIP_RUNS);

/** Seed of the first run; each one after has the next. One that is given repeats what was drawn, not when it happened. */
const SEED = DRAYAGE_OWNERSHIP_SEED === "" ? Date.now() % 1_000_000_000 : Number(DRAYAGE_OWNERSHIP_SEED);

/** Processes at work on a root at the same time. */
const WORKERS = 2;

/** Longest time from the beginning of a step to a kill, in milliseconds: about what a step takes. */
const MAX_KILL_DELAY_MS = 25;

/** Folder of the root that most runs begin with. */
const BEGINNING = "beginning";

/** Time for all runs, in milliseconds. */
const TIMEOUT_MS = 60_000 + RUNS * 2_000;

let registry: TestRegistry;
let folder: string;
let material: Material;
const workers: Worker[] = [];

beforeAll(async () => {
  registry = await TestRegistry.start();
  folder = await mkdtemp(join(tmpdir(), "drayage-ownership-"));
  material = await makeMaterial();
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

/** Images that share layers, so that each one needs what others do, and archives of some of them. */
async function makeMaterial(): Promise<Material> {
  const layers = Array.from({ length: 5 }, (_, index) => Buffer.alloc(2_000 + index, `layer ${index}`));
  const references: string[] = [];
  const digests = new Set<string>();
  for (let index = 0; index < 5; index++) {
    const mine = layers.filter(
      (_, layer) => layer === index || layer === (index + 1) % layers.length || layer === 0,
    );
    const repository = `team/app${index % 3}`;
    const image = await buildImage(registry, repository, { tag: `v${index}`, layers: mine });
    references.push(`${registry.host}/${repository}:v${index}`);
    for (const { digest } of [
      image.descriptor,
      image.config,
      ...image.layers.map((layer) => layer.descriptor),
    ]) {
      digests.add(digest);
    }
  }
  const tags = ["one", "two"].map((tag) => `${registry.host}/team/app0:${tag}`);
  return { references, tags, digests: [...digests], archives: await makeArchives(references) };
}

/** Pulls most images into a root that most runs begin with, and writes archives of two of them. */
async function makeArchives(references: readonly string[]): Promise<readonly string[]> {
  await using distribution = await openDistribution({
    root: join(folder, BEGINNING),
    registry: { plainHttp: true },
  });
  const archives: string[] = [];
  for (const [index, reference] of references.slice(0, 3).entries()) {
    await distribution.pull(reference, { platform: "linux/amd64" });
    const archive = join(folder, `${index}.tar`);
    await distribution.export(reference, archive);
    archives.push(archive);
  }
  const whole = await readFile(archives[0] ?? "");
  const broken = join(folder, "broken.tar");
  await writeFile(broken, whole.subarray(0, Math.floor(whole.length * 0.7)));
  return [...archives, broken];
}

function drawTask(random: Random, root: string): Task {
  const steps = Array.from({ length: 1 + random.below(5) }, () =>
    Array.from({ length: 1 + random.below(3) }, () => drawOperation(random, material)),
  );
  return { root, steps, overlaps: random.below(4) > 0 };
}

/**
 * Runs a task in a process that may be killed in one of its steps. Returns what was strange, or `undefined` when it was
 * killed.
 */
async function work(index: number, task: Task, random: Random): Promise<readonly string[] | undefined> {
  const worker = workers[index]?.isAlive ? workers[index] : startWorker();
  workers[index] = worker;
  const killAt = random.below(5) < 2 ? 1 + random.below(task.steps.length) : undefined;
  const delayMs = random.below(MAX_KILL_DELAY_MS);
  let step = 0;
  let killed: Promise<void> | undefined;
  const strange = await worker.run(task, () => {
    step++;
    if (step !== killAt) return;
    setTimeout(() => {
      killed = worker.kill();
    }, delayMs);
  });
  await killed;
  return strange;
}

async function violationsOf(seed: number): Promise<readonly string[]> {
  const random = randomFrom(seed);
  const root = join(folder, String(seed));
  if (random.below(4) > 0) await cp(join(folder, BEGINNING), root, { recursive: true });
  const tasks = Array.from({ length: WORKERS }, () => ({
    task: drawTask(random, root),
    random: randomFrom(random.below(2 ** 31)),
  }));
  const said = await Promise.all(tasks.map(({ task, random: own }, index) => work(index, task, own)));
  const left = said.includes(undefined) ? [] : unswept(root);
  await using distribution = await openDistribution({ root });
  const lost = lostContent(root);
  await distribution.prune({ minAgeMs: 0 });
  const violations = [
    ...said.flatMap((strange) => strange ?? []),
    ...left,
    ...lost,
    ...lostContent(root),
    ...leftovers(root),
  ];
  await distribution.close();
  if (violations.length > 0)
    return [
      `seed ${seed}: ${JSON.stringify(tasks.map(({ task }) => [task.overlaps, task.steps]))}`,
      ...violations,
    ];
  await rm(root, { recursive: true, force: true });
  return [];
}

describe("processes that share a root and are killed at random", () => {
  it(
    `lose nothing that is referred to, and leave nothing else (${RUNS} runs from seed ${SEED} on)`,
    async () => {
      for (let run = 0; run < RUNS; run++) expect(await violationsOf(SEED + run)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
