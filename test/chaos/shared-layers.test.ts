import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import { openDistribution } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { campaign, report } from "./support/campaign.ts";
import { rootViolations } from "./support/invariants.ts";
import { chainOf, layerLeftovers, layersIn, layerViolations } from "./support/layer-violations.ts";
import { makeRoot } from "./support/round.ts";

const { seed } = campaign();

/** Processes on one root, and pulls of each. */
const [PROCESSES, PULLS] = [3, 14];

/** Images, each of which shares layers with all others. */
const IMAGES = 8;

const WORKER = new URL("support/layer-worker.ts", import.meta.url).pathname;
const NOTE = new URL("support/note-renames.ts", import.meta.url).href;

let registry: TestRegistry;
const images = new Map<string, BuiltImage>();
const wanted = new Map<Digest, { name: string; bytes: number }>();

beforeAll(async () => {
  registry = await TestRegistry.start();
  for (let number = 0; number < IMAGES; number++) {
    const layers = [200_000, 3_000, 40_000 + (number % 2), 500 + number];
    const image = await buildImage(registry, `team/app${number}`, { tag: "v1", layers });
    images.set(`${registry.host}/team/app${number}:v1`, image);
    for (const [at, chainId] of chainOf(image).entries())
      wanted.set(chainId, { name: `layer-${at}`, bytes: layers[at] ?? 0 });
  }
});

afterAll(() => registry.close());

/** Lets processes work on a root; gives how often each layer was made and how often it was removed. */
async function work(root: string, chance: number): Promise<Record<"made" | "gone", readonly string[]>> {
  const RENAMES = join(root, "renames.txt");
  writeFileSync(RENAMES, "");
  const ends = Array.from({ length: PROCESSES }, async (_, number) => {
    const args = [root, `${seed} ${number}`, String(PULLS), String(chance), ...images.keys()];
    const child = spawn(process.execPath, ["--no-warnings", "--import", NOTE, WORKER, ...args], {
      env: { ...process.env, RENAMES },
      stdio: ["ignore", "ignore", "inherit"],
    });
    expect(await once(child, "exit"), `CHAOS_SEED=${seed}`).toEqual([0, null]);
  });
  await Promise.all(ends);
  const lines = readFileSync(RENAMES, "utf8").split("\n");
  const those = (kind: string): string[] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  return { made: those("made"), gone: those("gone") };
}

describe(`${PROCESSES * PULLS} pulls by ${PROCESSES} processes on one root (CHAOS_SEED=${seed})`, () => {
  it("unpack each layer once", { timeout: 120_000 }, async () => {
    await using root = await makeRoot();
    const { made, gone } = await work(root.path, 0);
    expect(gone).toEqual([]);
    expect(made.toSorted(), `CHAOS_SEED=${seed}`).toEqual(layersIn(root.path).toSorted());
    expect(report(seed, [...rootViolations(root.path), ...layerViolations(root.path, wanted, images)])).toBe(
      "",
    );
  });

  it("lose nothing beside removals and prunes, and make no layer that is there", {
    timeout: 120_000,
  }, async () => {
    await using root = await makeRoot();
    const { made, gone } = await work(root.path, 0.4);
    expect(report(seed, [...rootViolations(root.path), ...layerViolations(root.path, wanted, images)])).toBe(
      "",
    );
    expect([...gone, ...layersIn(root.path)].toSorted(), `CHAOS_SEED=${seed}`).toEqual(made.toSorted());
    await using engine = await openDistribution({ root: root.path, layers: true });
    for (const { name } of await engine.images.list()) await engine.remove(name);
    await engine.prune({ minAgeMs: 0 });
    expect([layersIn(root.path), layerLeftovers(root.path)]).toEqual([[], []]);
  });
});
