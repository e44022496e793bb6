import { performance as machine } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { FIRST_REQUESTS } from "../../src/registry/transport/host-budget.ts";
import { MAX_PIPELINED } from "../../src/registry/transport/pipelining.ts";
import { buildImage, type RequestRecord, TestRegistry } from "../../src/testing.ts";
import { LivePriority } from "../../src/xfer/live-priority.ts";
import { stopTime } from "../async/idle-time.ts";
import { openEngine } from "./support/engine.ts";
import { until } from "./support/until.ts";

const MIB = 1024 * 1024;

/** Longest wait for requests that take milliseconds. */
const PATIENCE_MS = 20_000;

/** A registry with an image, whose layers are answered when the test says so: until then there is no time. */
async function heldLayers(layers: readonly number[]) {
  const registry = await TestRegistry.start();
  const image = await buildImage(registry, "team/app", { tag: "v1", layers: [...layers] });
  const digests = new Set<string>(image.layers.map(({ descriptor }) => descriptor.digest));
  const isLayer = ({ digest }: RequestRecord): boolean => digest !== undefined && digests.has(digest);
  const gate = Promise.withResolvers<void>();
  registry.fault({ when: isLayer, times: Number.POSITIVE_INFINITY }, { hold: gate.promise });
  const stopped = stopTime();
  function release(): void {
    stopped[Symbol.dispose]();
    gate.resolve();
  }
  return {
    registry,
    reference: `${registry.host}/team/app:v1`,
    release,
    /** How many layers were asked for, once so many were and nobody comes any more. */
    async asked(count: number): Promise<number> {
      const endMs = machine.now() + PATIENCE_MS;
      while (registry.requests.filter(isLayer).length < count && machine.now() < endMs) await setImmediate();
      for (let turn = 0; turn < 20; turn++) await setImmediate();
      return registry.requests.filter(isLayer).length;
    },
    async [Symbol.asyncDispose]() {
      release();
      await registry.close();
    },
  };
}

it.each([
  ["layers", 200_000, 1],
  ["small layers over each connection", 500, MAX_PIPELINED],
])(
  "a pull asks for as many %s at once as the budget of the host has room for",
  async (_what, bytes, each) => {
    const count = (FIRST_REQUESTS - 1) * each;
    await using held = await heldLayers(Array.from({ length: count + 30 }, (_, at) => bytes + at));
    await using engine = await openEngine();
    const pulled = engine.pull(held.reference);
    const asked = await held.asked(count);
    const { mostConnections } = held.registry;
    expect({ asked, mostConnections }).toEqual({ asked: count, mostConnections: FIRST_REQUESTS - 1 });
    held.release();
    await pulled;
    expect(held.registry.mostConnections).toBeLessThanOrEqual(32);
  },
);

it("a host that answers quickly is asked for more layers at once", async () => {
  await using held = await heldLayers(Array.from({ length: FIRST_REQUESTS + 30 }, (_, at) => 200_000 + at));
  await using engine = await openEngine();
  const pulled = engine.pull(held.reference);
  await held.asked(FIRST_REQUESTS - 1);
  held.release();
  await pulled;
  expect(held.registry.mostConnections).toBeGreaterThan(FIRST_REQUESTS);
});

it.each([
  ["eight, of large ones", {}, 8],
  ["as many as the option says, of large ones", { maxConcurrentDownloads: 9 }, 9],
])("a pull asks for no more layers at once than %s", async (_what, options, count) => {
  await using held = await heldLayers(Array.from({ length: 10 }, (_, at) => 4 * MIB + at));
  await using engine = await openEngine(options);
  const pulled = engine.pull(held.reference);
  expect(await held.asked(count)).toBe(count);
  held.release();
  await pulled;
});

it("the option is an upper bound of layers of any size", async () => {
  await using held = await heldLayers([500, 501, 502, 503, 504]);
  await using engine = await openEngine({ maxConcurrentDownloads: 3 });
  const pulled = engine.pull(held.reference);
  expect(await held.asked(3)).toBe(3);
  held.release();
  await pulled;
});

it("a host that has too much to do is asked for half as many", async () => {
  await using held = await heldLayers(Array.from({ length: 30 }, (_, at) => 200_000 + at));
  const { registry } = held;
  registry.fault({ kind: "manifest" }, { status: 429 });
  await using engine = await openEngine();
  const pulled = engine.pull(held.reference);
  expect(await held.asked(FIRST_REQUESTS / 2 - 1)).toBe(FIRST_REQUESTS / 2 - 1);
  held.release();
  await pulled;
});

it("pulls of one group get as many slots together as a pull of another one", async () => {
  await using registry = await TestRegistry.start();
  const repositories = ["crowd/one", "crowd/two", "crowd/three", "alone/app"];
  const owners = new Map<string, string>();
  for (const [at, repository] of repositories.entries()) {
    const layers = [1, 2, 3, 4].map((layer) => 1_000 * at + 500 + layer);
    const image = await buildImage(registry, repository, { tag: "v1", layers });
    for (const { descriptor } of image.layers) owners.set(descriptor.digest, repository);
  }
  const ownerOf = ({ digest }: RequestRecord): string | undefined => digest && owners.get(digest);
  const isLayer = (request: RequestRecord): boolean => ownerOf(request) !== undefined;
  const gate = Promise.withResolvers<void>();
  registry.fault({ when: isLayer }, { hold: gate.promise });
  await using engine = await openEngine({ maxConcurrentDownloads: 1 });
  const waiting = new Set<string>();
  const pulls: Promise<unknown>[] = [];
  for (const repository of repositories) {
    const group = repository.split("/")[0];
    const onProgress = ({ kind, ...rest }: { kind: string }): void => {
      if (kind === "update" && "action" in rest && rest.action === "Waiting") waiting.add(repository);
    };
    pulls.push(engine.pull(`${registry.host}/${repository}:v1`, { group, onProgress }));
    await until(() => waiting.has(repository));
  }
  gate.resolve();
  await Promise.all(pulls);
  const order = registry.requests.filter(isLayer).map(ownerOf);
  const places = order.flatMap((repository, at) => (repository === "alone/app" ? [at] : []));
  expect(places).toEqual([1, 3, 5, 7]);
});

it("the priority of a pull can be raised and lowered while it waits", async () => {
  await using registry = await TestRegistry.start();
  const owners = new Map<string, string>();
  for (const [at, repository] of ["busy", "urgent"].entries()) {
    const layers = [1, 2, 3].map((layer) => 1_000 * at + 500 + layer);
    const image = await buildImage(registry, repository, { tag: "v1", layers });
    for (const { descriptor } of image.layers) owners.set(descriptor.digest, repository);
  }
  const ownerOf = ({ digest }: RequestRecord): string | undefined => digest && owners.get(digest);
  const gate = Promise.withResolvers<void>();
  registry.fault({ when: (request) => ownerOf(request) !== undefined }, { hold: gate.promise });
  await using engine = await openEngine({ maxConcurrentDownloads: 1 });
  const waiting = new Set<string>();
  const pull = async (repository: string, priority: LivePriority): Promise<void> => {
    await engine.pull(`${registry.host}/${repository}:v1`, {
      priority,
      onProgress: (progress) =>
        void (progress.kind === "update" && progress.action === "Waiting" && waiting.add(repository)),
    });
  };
  const [busy, urgent] = [new LivePriority(5), new LivePriority(-5)];
  const pulls = [pull("busy", busy)];
  await until(() => waiting.has("busy"));
  pulls.push(pull("urgent", urgent));
  await until(() => waiting.has("urgent"));
  urgent.set(10);
  busy.set(-10);
  gate.resolve();
  await Promise.all(pulls);
  const order = registry.requests.flatMap((request) => ownerOf(request) ?? []);
  expect(order).toEqual(["busy", "urgent", "urgent", "urgent", "busy", "busy"]);
});
