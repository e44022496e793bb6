import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrInvalidArgument } from "../../src/errors.ts";
import {
  type DistributionOptions,
  LiveBandwidth,
  openDistribution,
  type PullOptions,
} from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { blobsOn, type Engine, hasSomeOnDisk, keepUnhurried } from "./support/engine.ts";
import { isPart } from "./support/requests.ts";
import { until } from "./support/until.ts";

const LAYER_BYTES = 600_000;

/** So little that no test waits for the end of it. */
const TRICKLE = 2_000;

/** With no limit all would be here in a tenth of the time. */
async function expectSlow({ content }: Engine): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const statuses = await content.listStatuses();
  expect(statuses.length).toBeGreaterThan(0);
  for (const { offset } of statuses) expect(offset).toBeLessThan(LAYER_BYTES / 2);
}

describe.each([
  ["the caller's thread", { workers: 0 }],
  ["threads", { workers: 2, bytesPerWorker: 0 }],
])("bandwidth in %s", (_where, threads) => {
  const keep = closingAfterEach();
  let registry: TestRegistry;
  let image: BuiltImage;
  let name: string;
  beforeEach(async () => {
    registry = await TestRegistry.start();
    image = await buildImage(registry, "team/app", { tag: "v1", layers: [LAYER_BYTES, LAYER_BYTES] });
    name = `${registry.host}/team/app:v1`;
  });
  afterEach(() => registry.close());

  const engineWith = (options: Partial<DistributionOptions> = {}): Promise<Engine> =>
    keepUnhurried(keep, { ...threads, ...options });

  /** Pulls, and resolves when it is seen that bytes come, but not all of them. */
  async function slowPull(engine: Engine, options: PullOptions = {}) {
    const pulling = engine.pull(name, options);
    pulling.catch(() => {});
    await hasSomeOnDisk(engine, layerOf(image));
    await expectSlow(engine);
    return { pulling };
  }

  it.each<[string, DistributionOptions["bandwidth"], Parameters<Engine["setBandwidth"]>[0]]>([
    ["all, until it is none", { all: TRICKLE }, { all: "off" }],
    ["all, until it is more", { all: TRICKLE }, { all: "1G" }],
    ["what comes", { all: { down: TRICKLE } }, { all: 0 }],
    ["a group", { groups: { tenant: TRICKLE } }, { groups: { tenant: "off" } }],
    ["by time", { all: [{ at: "00:00", rate: TRICKLE }] }, { all: "00:00,1G 12:00,off" }],
  ])("limits %s", async (_what, bandwidth, lifted) => {
    const engine = await engineWith({ bandwidth });
    const { pulling } = await slowPull(engine, { group: "tenant" });
    engine.setBandwidth(lifted);
    await pulling;
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("limits a host, from the middle of a pull on", async () => {
    const engine = await engineWith({ bandwidth: { all: 100_000 } });
    const pulling = engine.pull(name);
    await hasSomeOnDisk(engine, layerOf(image));
    engine.setBandwidth({ all: "off", hosts: { [registry.host]: TRICKLE } });
    await expectSlow(engine);
    engine.setBandwidth({ hosts: { [registry.host]: 0 } });
    await pulling;
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("limits one pull alone, and not those who share with it", async () => {
    const engine = await engineWith();
    const own = new LiveBandwidth(TRICKLE);
    const { pulling } = await slowPull(engine, { bandwidth: own });
    await engine.pull(name); // joins, and may have it as fast as it comes
    await pulling;
    const fetches = registry.requests.filter((request) => request.kind === "blob" && !isPart(request));
    expect(fetches.map(({ method }) => method)).toEqual(["GET", "GET", "GET"]);
  });

  it("keeps nobody who leaves, and closes", async () => {
    const engine = await engineWith({ bandwidth: { all: 1 } });
    const controller = new AbortController();
    const pulling = engine.pull(name, { signal: controller.signal });
    pulling.catch(() => {});
    await until(async () => (await engine.content.listStatuses()).length >= 2);
    controller.abort();
    await expect(pulling).rejects.toBeInstanceOf(ErrCanceled);
    const other = engine.pull(name);
    other.catch(() => {});
    await engine.close({ signal: AbortSignal.timeout(100) });
    await expect(other).rejects.toBeInstanceOf(ErrCanceled);
  });

  it("limits a push", async () => {
    const engine = await engineWith();
    const other = keep(await TestRegistry.start()); // nothing can be mounted there
    await engine.pull(name);
    engine.setBandwidth({ all: { up: TRICKLE } });
    const actions: number[] = [];
    const pushing = engine.push(name, {
      target: `${other.host}/team/copy:v1`,
      onProgress: (progress) => {
        if (progress.kind === "update" && progress.action === "Pushing") actions.push(progress.currentBytes);
      },
    });
    pushing.catch(() => {});
    await until(() => actions.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(Math.max(...actions)).toBeLessThan(LAYER_BYTES);
    engine.setBandwidth({ all: { up: "off" } });
    await pushing;
  });

  it("refuses what is none, before anything is done", async () => {
    const engine = await engineWith();
    expect(() => engine.setBandwidth({ all: "fast" })).toThrow(ErrInvalidArgument);
    expect(() => engine.setBandwidth({ all: 1, hosts: { a: -1 } })).toThrow('option "hosts["a"]": got -1');
    await expect(engine.pull(name, { bandwidth: "512" })).rejects.toThrow('option "bandwidth"');
    const late = openDistribution({ root: engine.root, bandwidth: { all: "25:00,1M" } });
    await expect(late).rejects.toBeInstanceOf(ErrInvalidArgument);
    expect(registry.requests).toHaveLength(0);
  });
});
