import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import { openDistribution } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { campaign, report } from "./support/campaign.ts";
import { rootViolations } from "./support/invariants.ts";
import { chainOf, layerLeftovers, layerViolations, type WantedLayers } from "./support/layer-violations.ts";
import { makeRoot } from "./support/round.ts";
import { type Seeded, seeded } from "./support/seeded.ts";

const { seed, kills } = campaign();

/** Processes that work on a root at the same time. */
const CHILDREN = 2;

/** Threads that die, and half as many as there are errors of a disk. */
const FAILURES = 5;

/** Rounds of kills that a root outlives before the pull is to succeed. */
const ROUNDS = 2;

/**
 * Most calls of file functions before the end, by the kind of thread that makes them: a little more than it takes to pull all images, to
 * remove one and to prune.
 */
const MAX_CALLS = { main: 1_750, worker: 30 };

const CHILD = new URL("support/unpacking-child.ts", import.meta.url).pathname;
const FAIL = new URL("support/fail-at-call.ts", import.meta.url).href;

let registry: TestRegistry;
let images: ReadonlyMap<string, BuiltImage>;
let wanted: WantedLayers;

beforeAll(async () => {
  registry = await TestRegistry.start();
  const sizes = [
    [300_000, 2_000, 50_000],
    [300_000, 2_000, 700, 90_000],
  ];
  const built = new Map<string, BuiltImage>();
  const layers = new Map<Digest, { name: string; bytes: number }>();
  for (const [number, own] of sizes.entries()) {
    const image = await buildImage(registry, `team/app${number}`, { tag: "v1", layers: own });
    built.set(`${registry.host}/team/app${number}:v1`, image);
    for (const [at, chainId] of chainOf(image).entries())
      layers.set(chainId, { name: `layer-${at}`, bytes: own[at] ?? 0 });
  }
  images = built;
  wanted = layers;
});

afterAll(() => registry.close());

/** How a process fails: it is killed, a thread of it ends, or a call of a file function throws that error. */
type Failure = "kill" | "exit" | "EIO";

/** How a process ended that failed at a call, or was done before. */
interface End {
  readonly status: number | null;
  readonly signal: string | null;
  /** Which call of which thread it was, for messages. */
  readonly at: string;
}

/** Has a process pull all images, and fail at a call that is drawn. */
async function work(
  root: string,
  random: Seeded,
  how: Failure,
  thread: "main" | "worker" = random.chance(0.6) ? "main" : "worker",
): Promise<End> {
  const call = String(1 + random.int(MAX_CALLS[thread]));
  const names = random.chance(0.5) ? [...images.keys()] : [...images.keys()].toReversed();
  const threads = random.chance(0.5) ? "one" : "two";
  const marker = `${root}.failed`;
  const child = spawn(process.execPath, ["--no-warnings", "--import", FAIL, CHILD, root, threads, ...names], {
    env: {
      ...process.env,
      FAIL_AT: call,
      FAIL_IN: thread,
      FAIL_HOW: how,
      ...(how === "kill" ? {} : { FAIL_ONCE: marker }),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [words, [status, signal]] = await Promise.all([
    text(child.stderr),
    once(child, "exit") as Promise<[number | null, string | null]>,
  ]);
  rmSync(marker, { force: true });
  return {
    status,
    signal,
    at: `CHAOS_SEED=${seed}, ${how} at call ${call} of a ${thread} thread, ${threads} for a layer: ${words}`,
  };
}

/** Returns whether it was killed, and not done before. */
async function workUntilKilled(root: string, random: Seeded): Promise<boolean> {
  const { status, signal, at } = await work(root, random, "kill");
  expect([status, signal], at).toEqual(signal === null ? [0, null] : [null, "SIGKILL"]);
  return signal !== null;
}

describe(`${kills} processes killed at a call while they unpack (CHAOS_SEED=${seed})`, () => {
  it("leave layers that are whole, and a pull goes on from there", {
    timeout: kills * 5_000 + 60_000,
  }, async () => {
    const random = seeded(`unpack kills ${seed}`);
    for (let killed = 0; killed < kills; ) {
      await using scoped = await makeRoot();
      const root = scoped.path;
      for (let round = 0; round < ROUNDS; round++) {
        const ends = Array.from({ length: CHILDREN }, () => workUntilKilled(root, random));
        killed += (await Promise.all(ends)).filter(Boolean).length;
        expect(report(seed, layerViolations(root, wanted, images))).toBe("");
      }
      await expectHealed(root);
    }
  });
});

describe(`processes of which something fails while they unpack (CHAOS_SEED=${seed})`, () => {
  it("are done all the same when a thread dies", { timeout: 120_000 }, async () => {
    const random = seeded(`unpack exits ${seed}`);
    for (let round = 0; round < FAILURES; round++) {
      await using scoped = await makeRoot();
      const { status, signal, at } = await work(scoped.path, random, "exit", "worker");
      expect([status, signal], at).toEqual([0, null]);
      expect(report(seed, layerViolations(scoped.path, wanted, images))).toBe("");
      await expectHealed(scoped.path);
    }
  });

  it("are done, or say why not, when the disk fails, and a pull goes on from there", {
    timeout: 120_000,
  }, async () => {
    const random = seeded(`unpack errors ${seed}`);
    for (let round = 0; round < 2 * FAILURES; round++) {
      await using scoped = await makeRoot();
      const { status, signal, at } = await work(scoped.path, random, "EIO");
      expect([0, 1], at).toContain(status);
      expect(signal, at).toBeNull();
      expect(report(seed, layerViolations(scoped.path, wanted, images)), at).toBe("");
      await expectHealed(scoped.path);
    }
  });
});

/** The same pulls succeed and fetch nothing that is there, and nothing stays that nobody needs. */
async function expectHealed(root: string): Promise<void> {
  await using engine = await openDistribution({ root, layers: true, registry: { plainHttp: true } });
  await engine.prune(); // a removal that was begun is done: what it took the name from may go at any moment
  const here = new Set<string>();
  for await (const { digest } of engine.content.walk({})) here.add(digest);
  const before = registry.requests.length;
  for (const name of images.keys()) await engine.pull(name, { platform: "linux/amd64" });
  const asked = registry.requests.slice(before).filter(({ kind }) => kind === "blob");
  const again = asked.filter(({ path }) => [...here].some((digest) => path.endsWith(digest)));
  expect(again, `CHAOS_SEED=${seed}`).toEqual([]);
  await engine.prune({ minAgeMs: 0 });
  expect(report(seed, [...rootViolations(root), ...layerViolations(root, wanted, images)])).toBe("");
  for (const name of images.keys()) await engine.remove(name);
  await engine.prune({ minAgeMs: 0 });
  expect(await engine.layers?.list(), `CHAOS_SEED=${seed}`).toEqual([]);
  expect(report(seed, layerLeftovers(root))).toBe("");
}
