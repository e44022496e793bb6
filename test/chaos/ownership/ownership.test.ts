import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDistribution } from "../../../src/index.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { chainOf } from "../support/layer-violations.ts";
import type { KnownLayers } from "./support/layers-of-root.ts";
import { drawOperation, type Material, type Task } from "./support/operation.ts";
import { type Random, randomFrom } from "./support/random.ts";
import { leftovers, lostContent, unswept } from "./support/violations.ts";
import { startWorker, type Worker } from "./support/workers.ts";

const { DRAYAGE_OWNERSHIP_RUNS = "150", DRAYAGE_OWNERSHIP_SEED = "" } = process.env;

/** How many runs are made; more by hand. */
const RUNS = Number(DRAYAGE_OWNERSHIP_RUNS);

/** Seed of the first run; each one after has the next. One that is given repeats what was drawn, not when it happened. */
const SEED = DRAYAGE_OWNERSHIP_SEED === "" ? Date.now() % 1_000_000_000 : Number(DRAYAGE_OWNERSHIP_SEED);

/** Processes at work on a root at the same time. */
const WORKERS = 2;

/** Longest times from the beginning of a step to a kill, in milliseconds: about what a step takes, without and with layers. */
const MAX_KILL_DELAYS_MS = [25, 150];

/** Of so many tasks one has layers. */
const LAYERS_ONE_IN = 2;

/** Most steps of a task, one as often as the other: what goes wrong needs few, and what goes on for long meets more. */
const MAX_STEPS = [2, 5];

/** Folder of the root that most runs begin with. */
const BEGINNING = "beginning";

/** Time for all runs, in milliseconds. */
const TIMEOUT_MS = 60_000 + RUNS * 2_000;

let registry: TestRegistry;
let folder: string;
let material: Material;
let known: KnownLayers;
const workers: Worker[] = [];

beforeAll(async () => {
  registry = await TestRegistry.start();
  folder = await mkdtemp(join(tmpdir(), "drayage-ownership-"));
  [material, known] = await makeMaterial();
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

/** Images that share layers, so that each one needs what others do, and archives of some of them. */
async function makeMaterial(): Promise<[Material, KnownLayers]> {
  const layers = Array.from({ length: 5 }, (_, index) => Buffer.alloc(2_000 + index, `layer ${index}`));
  const references: string[] = [];
  const digests = new Set<string>();
  const [ofConfig, ofReference] = [
    new Map<string, readonly string[]>(),
    new Map<string, readonly string[]>(),
  ];
  const files = new Map<string, { name: string; bytes: number }>();
  for (let index = 0; index < 5; index++) {
    const mine = layers.filter(
      (_, layer) => layer === index || layer === (index + 1) % layers.length || layer === 0,
    );
    const repository = `team/app${index % 3}`;
    const image = await buildImage(registry, repository, { tag: `v${index}`, layers: mine });
    const reference = `${registry.host}/${repository}:v${index}`;
    references.push(reference);
    const chain = chainOf(image);
    ofConfig.set(image.config.digest, chain);
    ofReference.set(reference, chain);
    for (const [at, chainId] of chain.entries())
      files.set(chainId, { name: `layer-${at}`, bytes: mine[at]?.length ?? 0 });
    const blobs = image.layers.map((layer) => layer.descriptor);
    for (const { digest } of [image.descriptor, image.config, ...blobs]) digests.add(digest);
  }
  const made: Material = {
    references,
    tags: ["one", "two"].map((tag) => `${registry.host}/team/app0:${tag}`),
    digests: [...digests],
    archives: await makeBeginning(references),
    users: ["container 1", "container 2"],
    chains: Object.fromEntries(ofReference),
  };
  return [made, { ofConfig, files }];
}

/** Pulls images into a root that most runs begin with, one of which keeps no blobs, and writes archives of them. */
async function makeBeginning(references: readonly string[]): Promise<readonly string[]> {
  const root = join(folder, BEGINNING);
  await using distribution = await openDistribution({ root, layers: true, registry: { plainHttp: true } });
  const archives: string[] = [];
  for (const [index, reference] of references.slice(0, 3).entries()) {
    await distribution.pull(reference, { platform: "linux/amd64", unpack: index > 0 });
    const archive = join(folder, `${index}.tar`);
    await distribution.export(reference, archive);
    archives.push(archive);
  }
  await distribution.pull(references[2] ?? "", { platform: "linux/amd64", keepBlobs: false });
  const whole = await readFile(archives[0] ?? "");
  const broken = join(folder, "broken.tar");
  await writeFile(broken, whole.subarray(0, Math.floor(whole.length * 0.7)));
  return [...archives, broken];
}

function drawTask(random: Random, root: string): Task {
  const layers = random.below(LAYERS_ONE_IN) === 0;
  const steps = Array.from({ length: 1 + random.below(random.pick(MAX_STEPS)) }, () =>
    Array.from({ length: 1 + random.below(3) }, () => drawOperation(random, material, { layers })),
  );
  const meanwhile = random.pick(["nothing", "pieces", "pieces", "lease"] as const);
  return { root, steps, meanwhile, layers, chains: material.chains };
}

/**
 * Runs a task in a process that may be killed in one of its steps. Returns what was strange, or `undefined` when it was
 * killed.
 */
async function work(index: number, task: Task, random: Random): Promise<readonly string[] | undefined> {
  const worker = workers[index]?.isAlive ? workers[index] : startWorker();
  workers[index] = worker;
  const killAt = random.below(5) < 2 ? 1 + random.below(task.steps.length) : undefined;
  const delayMs = random.below(MAX_KILL_DELAYS_MS[task.layers ? 1 : 0] ?? 0);
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
  const lost = lostContent(root, known);
  await distribution.prune({ minAgeMs: 0 });
  const violations = [
    ...said.flatMap((strange) => strange ?? []),
    ...left,
    ...lost,
    ...lostContent(root, known),
    ...leftovers(root, known),
  ];
  await distribution.close();
  if (violations.length > 0)
    return [
      `seed ${seed}: ${JSON.stringify(tasks.map(({ task }) => [task.meanwhile, task.layers, task.steps]))}`,
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
