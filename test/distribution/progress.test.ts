import { beforeEach, describe, expect, it } from "vitest";
import { type Progress, watchProgress } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf, sizeOf } from "./support/built-image.ts";
import { type Engine, failureOf, hasOnDisk, openEngine } from "./support/engine.ts";
import { type StatusLog, statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";
import { expectWhole } from "./support/whole-progress.ts";

const REPOSITORY = "team/app";
const LAYERS = [300_000, 5_000];
const AMD64 = { platform: "linux/amd64" };

/** What breaks then is broken. */
const BY_ONE_REQUEST = { maxDownloadAttempts: 1, ranges: false } as const;

let registry: TestRegistry;
let image: BuiltImage;
let engine: Engine;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: LAYERS });
  engine = keep(await openEngine());
  name = `${registry.host}/${REPOSITORY}:v1`;
});

/** Bytes of the large layer that were here, by each plan. */
function bytesHere({ plans }: StatusLog): ReadonlyArray<number | undefined> {
  const { digest } = layerOf(image);
  return plans.map(({ contents }) => contents.find((content) => content.digest === digest)?.bytesHere);
}

// That each of these adds up is checked by `openEngine`.
describe("the progress of a pull", () => {
  it("is a plan, the steps of each content, and summaries, the last one of everything", async () => {
    const told: Progress[] = [];
    const watched = watchProgress((onProgress) => engine.pull(name, { ...AMD64, onProgress }));
    for await (const progress of watched) told.push(progress);
    expectWhole(told, image);
  });

  it("has everything here when nothing has changed", async () => {
    await engine.pull(name, AMD64);
    const log = statusLog();
    await engine.pull(name, { ...AMD64, onProgress: log.sink });
    expect(log.plans).toHaveLength(1);
    expect(log.plans[0]).toMatchObject({ totalBytes: sizeOf(image), bytesHere: sizeOf(image) });
    expect(log.summaries.at(-1)).toMatchObject({ bytesMoved: 0, phases: { done: 4 } });
  });

  it("counts what a broken pull has left as here", async () => {
    registry.fault({ kind: "blob", digest: layerOf(image).digest }, { truncate: 100_000 });
    const once = keep(await openEngine({ root: engine.root, ...BY_ONE_REQUEST }));
    await failureOf(once.pull(name, AMD64));
    const log = statusLog();
    await engine.pull(name, { ...AMD64, onProgress: log.sink });
    expect(bytesHere(log)).toEqual([100_000]);
  });

  it("plans anew when what was here turns out to be of no use", async () => {
    const { digest } = layerOf(image);
    registry.fault({ kind: "blob", digest }, { truncate: 100_000, corrupt: { offset: 7 } });
    const once = keep(await openEngine({ root: engine.root, ...BY_ONE_REQUEST }));
    await failureOf(once.pull(name, AMD64));
    const log = statusLog();
    await engine.pull(name, { ...AMD64, onProgress: log.sink });
    expect(bytesHere(log)[0]).toBe(100_000);
    expect(bytesHere(log).at(-1)).toBe(0);
    expect(new Set(log.plans.map(({ totalBytes }) => totalBytes))).toEqual(new Set([sizeOf(image)]));
  });

  it("says of what another pull is bringing that it is coming", async () => {
    const layer = layerOf(image);
    const fault = registry.fault({ kind: "blob", digest: layer.digest }, { stall: true, afterBytes: 50_000 });
    const first = engine.pull(name, AMD64);
    await hasOnDisk(engine, layer, 50_000);
    const log = statusLog();
    const second = engine.pull(name, { ...AMD64, onProgress: log.sink });
    await until(() => log.plans.length > 0);
    expect(log.plans[0]?.contents.filter(({ isComing }) => isComing)).toMatchObject([
      { digest: layer.digest, bytesHere: 50_000 },
    ]);
    fault.release();
    await Promise.all([first, second]);
    expect(log.summaries.at(-1)).toMatchObject({ bytesDone: sizeOf(image) });
  });

  it("grows with each tag of several, and plans shared layers once", async () => {
    const next = await buildImage(registry, REPOSITORY, { tag: "v2", layers: [...LAYERS, 7_000] });
    const log = statusLog();
    await engine.pull(`${registry.host}/${REPOSITORY}`, { ...AMD64, allTags: true, onProgress: log.sink });
    const shared = image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    const totals = log.plans.map(({ totalBytes }) => totalBytes);
    expect(totals).toEqual([sizeOf(image), sizeOf(image) + sizeOf(next) - shared]);
  });

  it("is of the image of the endpoint that serves it, when another one promised something else", async () => {
    const mirror = keep(await TestRegistry.start());
    const old = await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [9_000] });
    mirror.fault({ kind: "blob", times: Number.POSITIVE_INFINITY }, { status: 404 });
    const mirrors = { [registry.host]: [mirror.url] };
    const mirrored = keep(await openEngine({ registry: { mirrors } }));
    const log = statusLog();
    await mirrored.pull(name, { ...AMD64, onProgress: log.sink });
    expect(log.plans.map(({ totalBytes }) => totalBytes)).toEqual([sizeOf(old), sizeOf(image)]);
  });

  it("tells why a content waits, how long, and which attempt follows", async () => {
    registry.fault({ kind: "blob", digest: layerOf(image).digest }, { status: 500 });
    const patient = keep(await openEngine({ backoff: { baseMs: 20, random: () => 1 } }));
    const log = statusLog();
    await patient.pull(name, { ...AMD64, onProgress: log.sink });
    expect(log.waits()).toContainEqual(
      expect.objectContaining({
        digest: layerOf(image).digest,
        reason: "retry",
        waitMs: 20,
        attempt: 2,
        errorCode: "ERR_INTERNAL",
        action: "Retrying in 1 second",
      }),
    );
    const attempts = log.progress.flatMap((item) =>
      item.kind === "update" && item.phase === "downloading" ? [[item.digest, item.attempt]] : [],
    );
    expect(attempts).toContainEqual([layerOf(image).digest, 2]);
    expect(attempts).toContainEqual([image.layers[1]?.descriptor.digest, undefined]);
  });
});
