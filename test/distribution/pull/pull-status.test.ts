import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { shortId } from "../../../src/digest/digest.ts";
import { isInvalidArgument } from "../../../src/errors.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../../src/testing.ts";
import { layerOf } from "../support/built-image.ts";
import { type Engine, failureOf, namesOn, openEngine } from "../support/engine.ts";
import { asked, getCounts } from "../support/requests.ts";
import { statusLog } from "../support/status-lines.ts";
import { until } from "../support/until.ts";

const REPOSITORY = "team/app";

const FRESH = ["Pulling fs layer", "Downloading", "Verifying Checksum", "Download complete", "Pull complete"];

let registry: TestRegistry;
let engine: Engine;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

function layerIds({ layers }: BuiltImage): readonly string[] {
  return layers.map(({ descriptor }) => shortId(descriptor.digest));
}

describe("what pull() tells", () => {
  it("is what docker prints for a new image", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [30_000] });
    const [id] = layerIds(image);
    const log = statusLog();
    await engine.pull(`${name}:v1`, { onProgress: log.sink });
    expect(log.lines()).toEqual([
      "v1: Pulling from team/app",
      ...FRESH.map((action) => `${id}: ${action}`),
      `Digest: ${image.descriptor.digest}`,
      `Status: Downloaded newer image for ${name}:v1`,
    ]);
  });

  it("is what docker prints for an image that is there already", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [30_000, 40_000] });
    await engine.pull(`${name}:v1`);
    const log = statusLog();
    await engine.pull(`${name}:v1`, { onProgress: log.sink });
    expect(log.lines()).toEqual([
      "v1: Pulling from team/app",
      ...layerIds(image).map((id) => `${id}: Already exists`),
      `Digest: ${image.descriptor.digest}`,
      `Status: Image is up to date for ${name}:v1`,
    ]);
  });

  it("names the whole reference where a digest is pulled", async () => {
    const image = await buildImage(registry, REPOSITORY, { layers: [] });
    const log = statusLog();
    const reference = `${name}@${image.descriptor.digest}`;
    await engine.pull(reference, { onProgress: log.sink });
    expect(log.lines()[0]).toBe(`${reference}: Pulling from team/app`);
    expect(log.lines().at(-1)).toBe(`Status: Downloaded newer image for ${reference}`);
  });

  it("shows bytes of the whole layer, also of one that is resumed", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [400_000] });
    const [layer] = image.layers;
    const size = layer?.descriptor.size ?? 0;
    registry.fault({ digest: layer?.descriptor.digest ?? "" }, { reset: true, afterBytes: 200_000 });
    const log = statusLog();

    await engine.pull(`${name}:v1`, { onProgress: log.sink });

    const id = layerIds(image)[0] ?? "";
    const bytes = log.progress.flatMap((item) =>
      item.kind === "update" && item.action === "Downloading" ? [item] : [],
    );
    expect(bytes.every(({ totalBytes, currentBytes }) => totalBytes === size && currentBytes <= size)).toBe(
      true,
    );
    expect(bytes.at(-1)?.currentBytes).toBe(size);
    expect(bytes.filter(({ currentBytes }) => currentBytes === 0)).toHaveLength(1);
    expect(log.actions(id).slice(0, 2)).toEqual(FRESH.slice(0, 2));
    expect(log.actions(id).slice(-3)).toEqual(FRESH.slice(-3));
  });

  it("says that a layer waits while others have the slots", async () => {
    await using narrow = await openEngine({ maxConcurrentDownloads: 1 });
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [30_000, 40_000] });
    const log = statusLog();
    await narrow.pull(`${name}:v1`, { onProgress: log.sink });
    const [first = "", second = ""] = layerIds(image);
    expect(log.actions(first)).toEqual(FRESH);
    expect(log.actions(second)).toEqual([FRESH[0], "Waiting", ...FRESH.slice(1)]);
  });

  it("tells of the tags one after the other when all are pulled, in the registry's order", async () => {
    await using paged = await TestRegistry.start({ pageSize: 1 });
    const pagedName = `${paged.host}/${REPOSITORY}`;
    const digests: string[] = [];
    for (const tag of ["a", "b", "c"]) {
      const image = await buildImage(paged, REPOSITORY, { tag, layers: [], config: { author: tag } });
      digests.push(image.descriptor.digest);
    }
    const log = statusLog();

    const result = await engine.pull(pagedName, { allTags: true, onProgress: log.sink });

    expect(result.images.map((image) => image.name)).toEqual([
      `${pagedName}:a`,
      `${pagedName}:b`,
      `${pagedName}:c`,
    ]);
    expect(result).toMatchObject({ reference: pagedName, digest: digests[2] });
    expect(log.lines()).toEqual([
      "a: Pulling from team/app",
      `Digest: ${digests[0]}`,
      "b: Pulling from team/app",
      `Digest: ${digests[1]}`,
      "c: Pulling from team/app",
      `Digest: ${digests[2]}`,
      `Status: Downloaded newer image for ${pagedName}`,
    ]);
  });

  it("costs nothing but the telling when the sink throws", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [30_000] });
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const onProgress = vi.fn(() => {
      throw new Error("the client has gone");
    });
    await engine.pull(`${name}:v1`, { onProgress });
    expect(onProgress).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });
});

describe("what pull() costs and changes", () => {
  it("asks by HEAD and for nothing else when all is there", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [30_000] });
    await engine.pull(`${name}:v1`);
    const before = asked(registry).length;
    const { images } = await engine.pull(`${name}:v1`);
    expect(asked(registry).slice(before)).toEqual(["HEAD manifest"]);
    expect(images[0]?.updated).toBe(false);
  });

  it("fetches only what is new when a tag has moved, and says so", async () => {
    const base = Buffer.alloc(10_000, "base");
    const first = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [base] });
    await engine.pull(`${name}:v1`);
    const second = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [base, 20_000] });
    const log = statusLog();

    const { images } = await engine.pull(`${name}:v1`, { onProgress: log.sink });

    expect(images).toMatchObject([{ updated: true, target: { digest: second.descriptor.digest } }]);
    expect(getCounts(registry).get(first.layers[0]?.descriptor.digest ?? "")).toBe(1);
    expect(log.actions(layerIds(second)[0] ?? "")).toEqual(["Already exists"]);
    expect(log.lines().at(-1)).toBe(`Status: Downloaded newer image for ${name}:v1`);
    expect(await namesOn(engine.root)).toEqual([`${name}:v1`]);
  });

  it("emits a tag and a pull event per name", async () => {
    const { descriptor } = await buildImage(registry, REPOSITORY, { tag: "a", layers: [] });
    await buildImage(registry, REPOSITORY, { tag: "b", layers: [] });
    const seen: unknown[] = [];
    for (const event of ["tag", "pull", "untag", "delete"] as const) {
      engine.events.on(event, (detail) => seen.push([event, detail]));
    }
    await engine.pull(name, { allTags: true });
    const { mediaType, digest, size } = descriptor;
    const detail = (tag: string) => ({
      name: `${name}:${tag}`,
      digest,
      target: { mediaType, digest, size },
      previous: undefined,
      cause: "pull",
    });
    expect(seen).toEqual([
      ["tag", detail("a")],
      ["pull", detail("a")],
      ["tag", detail("b")],
      ["pull", detail("b")],
    ]);
  });

  it("records on every blob where it came from", async () => {
    const { descriptor, config, layers } = await buildImage(registry, REPOSITORY, {
      tag: "v1",
      layers: [9_000],
    });
    await engine.pull(`${name}:v1`);
    const [host] = registry.host.split(":");
    for (const { digest } of [descriptor, config, ...layers.map((layer) => layer.descriptor)]) {
      const { labels } = await engine.content.info(digest);
      expect(labels).toMatchObject({ [`containerd.io/distribution.source.${host}`]: REPOSITORY });
    }
  });

  it("sends the meta headers with every request", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [9_000] });
    await engine.pull(name, { allTags: true, metaHeaders: { "X-Meta-Team": "blue" } });
    expect(registry.requests.length).toBeGreaterThan(4);
    expect(registry.requests.map(({ headers }) => headers["x-meta-team"])).toEqual(
      registry.requests.map(() => "blue"),
    );
  });

  it.each([
    ["Authorization", "Bearer mine"],
    ["range", "bytes=0-1"],
    ["X-Meta-", "nothing"],
    ["X-Meta-Two Words", "x"],
    ["X-Meta-Lines", "one\r\nHost: elsewhere"],
  ])("refuses the meta header %s before anything is sent", async (header, value) => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [] });
    const failure = await failureOf(engine.pull(`${name}:v1`, { metaHeaders: { [header]: value } }));
    expect(isInvalidArgument(failure)).toBe(true);
    expect(failure.message).not.toContain(value);
    expect(registry.requests).toEqual([]);
  });

  it("lets the higher priority have the next slot", async () => {
    await using narrow = await openEngine({ maxConcurrentDownloads: 1 });
    const go = Promise.withResolvers<void>();
    const pulls: Promise<unknown>[] = [];
    const layers: string[] = [];
    for (const [tag, priority] of Object.entries({ first: 0, later: 0, urgent: 1 })) {
      const layer = layerOf(
        await buildImage(registry, REPOSITORY, { tag, layers: [Buffer.alloc(9_000, tag)] }),
      );
      if (tag === "first") registry.fault({ digest: layer.digest }, { hold: go.promise });
      const log = statusLog();
      pulls.push(narrow.pull(`${name}:${tag}`, { priority, onProgress: log.sink }));
      if (tag === "first") await registry.waitFor(({ digest }) => digest === layer.digest);
      else await until(() => log.actions(shortId(layer.digest)).includes("Waiting"));
      layers.push(layer.digest);
    }

    go.resolve();
    await Promise.all(pulls);

    const order = registry.requests.flatMap(({ kind, digest = "" }) =>
      kind === "blob" ? [layers.indexOf(digest)] : [],
    );
    expect(order.filter((index) => index >= 0)).toEqual([0, 2, 1]);
  });
});
