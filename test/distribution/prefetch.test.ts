import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled } from "../../src/errors.ts";
import { type DistributionOptions, LiveBandwidth, LivePriority, type PullOptions } from "../../src/index.ts";
import { type BuiltImage, buildImage, type Fault, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, hasSomeOnDisk, keepUnhurried, namesOn } from "./support/engine.ts";
import { until } from "./support/until.ts";

const LAYER_BYTES = 600_000;

/** So little that no test waits for the end of it. */
const TRICKLE = 2_000;

async function bytesOf({ content }: Engine, image: BuiltImage): Promise<number> {
  const { digest } = layerOf(image);
  const statuses = await content.listStatuses();
  return statuses.find(({ ref }) => ref.includes(digest))?.offset ?? LAYER_BYTES;
}

describe.each([
  ["the caller's thread", { workers: 0 }],
  ["threads", { workers: 2, bytesPerWorker: 0 }],
])("a prefetch in %s", (_where, threads) => {
  const keep = closingAfterEach();
  let registry: TestRegistry;
  let early: BuiltImage;
  let urgent: BuiltImage;
  beforeEach(async () => {
    registry = await TestRegistry.start();
    early = await buildImage(registry, "team/early", { tag: "v1", layers: [LAYER_BYTES, LAYER_BYTES] });
    urgent = await buildImage(registry, "team/urgent", { tag: "v1", layers: [LAYER_BYTES + 1_000] });
  });
  afterEach(() => registry.close());

  const nameOf = (image: BuiltImage): string =>
    `${registry.host}/team/${image === early ? "early" : "urgent"}:v1`;

  const engineWith = (options: Partial<DistributionOptions> = {}): Promise<Engine> =>
    keepUnhurried(keep, { ...threads, ...options });

  /** A prefetch of which some bytes are here, and what is seen of that layer; `quicken` lets it come as fast as it can. */
  async function begin(engine: Engine, options: PullOptions = {}) {
    const bandwidth = new LiveBandwidth(TRICKLE);
    const { digest } = layerOf(early);
    const seen = new Set<string>();
    const pulling = engine.pull(nameOf(early), {
      priority: "prefetch",
      bandwidth,
      onProgress: (told) => void (told.kind === "update" && told.digest === digest && seen.add(told.action)),
      ...options,
    });
    pulling.catch(() => {});
    await hasSomeOnDisk(engine, layerOf(early));
    return { pulling, seen, quicken: () => bandwidth.set("off") };
  }

  /** Half of the urgent layer comes; the rest when the fault is released. */
  const holdUrgent = (): Fault =>
    registry.fault(
      { kind: "blob", digest: layerOf(urgent).digest },
      { stall: true, afterBytes: LAYER_BYTES / 2 },
    );

  async function pullUrgent(engine: Engine) {
    const hold = holdUrgent();
    const pulling = engine.pull(nameOf(urgent));
    pulling.catch(() => {});
    await hasSomeOnDisk(engine, layerOf(urgent), LAYER_BYTES / 4);
    return { pulling, hold };
  }

  it("is a pull like any other when nobody else wants anything", async () => {
    const engine = await engineWith();
    const { images } = await engine.pull(nameOf(early), { priority: "prefetch" });
    expect(images).toHaveLength(1);
    expect(await namesOn(engine.root)).toEqual([nameOf(early)]);
  });

  it("stands still while somebody else pulls, and goes on where it was", async () => {
    const engine = await engineWith();
    const { pulling, seen, quicken } = await begin(engine);
    const other = await pullUrgent(engine);
    await until(() => seen.has("Waiting for other transfers"));
    quicken();
    await new Promise((resolve) => setTimeout(resolve, 300)); // all of it would be here by then
    expect(await bytesOf(engine, early)).toBeLessThan(LAYER_BYTES / 2);
    other.hold.release();
    await other.pulling;
    await pulling;
    expect(registry.requests.filter(({ digest }) => digest === layerOf(early).digest)).toHaveLength(1);
  });

  it.each<[string, Partial<DistributionOptions>]>([
    ["slots", { maxConcurrentDownloads: 1 }],
    ["connections", { connection: { maxSocketsPerHost: 1 } }],
    ["connections of all hosts", { connection: { maxSockets: 2 } }],
  ])("gives up %s that somebody else needs", async (_what, options) => {
    const engine = await engineWith(options);
    const { pulling, quicken } = await begin(engine);
    await engine.pull(nameOf(urgent));
    quicken();
    await pulling;
    expect(await namesOn(engine.root)).toHaveLength(2);
  });

  it("is none any more when somebody waits for the same layers", async () => {
    const engine = await engineWith();
    const { pulling } = await begin(engine);
    const other = await pullUrgent(engine);
    await engine.pull(nameOf(early)); // although the urgent one still stands in the middle
    await pulling;
    other.hold.release();
    await other.pulling;
  });

  it("goes on when it is raised, and stands still from the next layer on when it is lowered", async () => {
    const engine = await engineWith();
    const priority = new LivePriority("prefetch");
    const { pulling, seen, quicken } = await begin(engine, { priority });
    const other = await pullUrgent(engine);
    await until(() => seen.has("Waiting for other transfers"));
    quicken();
    priority.set(0);
    await pulling;
    other.hold.release();
    await other.pulling;
  });

  it("leaves at once when nobody wants it, while it stands still as well", async () => {
    const engine = await engineWith();
    const controller = new AbortController();
    const { pulling, seen } = await begin(engine, { signal: controller.signal });
    const other = await pullUrgent(engine);
    await until(() => seen.has("Waiting for other transfers"));
    controller.abort();
    await expect(pulling).rejects.toBeInstanceOf(ErrCanceled);
    other.hold.release();
    await other.pulling;
    await engine.close();
  });

  it("does not begin while somebody else pulls", async () => {
    const engine = await engineWith();
    const other = await pullUrgent(engine);
    const actions: string[] = [];
    const pulling = engine.pull(nameOf(early), {
      priority: "prefetch",
      onProgress: (progress) => void (progress.kind === "update" && actions.push(progress.action)),
    });
    await until(() => actions.includes("Waiting for other transfers"));
    expect(registry.requests.filter(({ digest }) => digest === layerOf(early).digest)).toHaveLength(0);
    other.hold.release();
    await Promise.all([other.pulling, pulling]);
  });

  it("is unpacked, too", async () => {
    const engine = await engineWith({ layers: true });
    const { pulling, quicken } = await begin(engine);
    await engine.pull(nameOf(urgent));
    quicken();
    await pulling;
    expect((await engine.unpack(nameOf(early))).chainIds).toHaveLength(2);
  });
});
