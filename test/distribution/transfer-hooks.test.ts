import { describe, expect, it } from "vitest";
import { ErrPermissionDenied } from "../../src/errors.ts";
import type { DistributionOptions, Transfer, TransferHooks, TransferOutcome } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";
import { gets } from "./support/requests.ts";
import { until } from "./support/until.ts";

const keep = closingAfterEach();

async function started(): Promise<TestRegistry> {
  const registry = await TestRegistry.start();
  keep({ [Symbol.asyncDispose]: () => registry.close() });
  return registry;
}

async function opened(
  transferHooks: TransferHooks,
  options: Partial<DistributionOptions> = {},
): Promise<Engine> {
  return keep(await openEngine({ ...options, transferHooks }));
}

/** What hooks were told: `before` and `after` of each content, in order. */
class Told {
  readonly before: Transfer[] = [];
  readonly after: Array<Transfer & TransferOutcome> = [];

  readonly hooks: TransferHooks = {
    before: (transfer) => void this.before.push(transfer),
    after: (transfer, outcome) => void this.after.push({ ...transfer, ...outcome }),
  };
}

const isLayer = (size: number) => (transfer: Transfer) => transfer.size === size;

async function app(registry: TestRegistry, layers: readonly number[] = [5_000]): Promise<BuiltImage> {
  return await buildImage(registry, "app", { tag: "v1", layers });
}

describe("hooks around transfers", () => {
  it("are told each content that comes, and not what is here", async () => {
    const registry = await started();
    const image = await app(registry);
    const told = new Told();
    const engine = await opened(told.hooks);
    const { digest } = await engine.pull(`${registry.host}/app:v1`);
    const wanted = [image.config, layerOf(image)].map(({ digest: one }) => one);
    const coming = told.before.map((transfer) => transfer.digest).filter((one) => one !== digest);
    expect(new Set(coming)).toEqual(new Set(wanted));
    expect(coming).toHaveLength(2);
    const layer = layerOf(image);
    expect(told.after.find((transfer) => transfer.digest === layer.digest)).toEqual({
      digest: layer.digest,
      mediaType: layer.mediaType,
      size: layer.size,
      direction: "down",
      endpoint: registry.url,
      bytes: layer.size,
    });
    expect(told.after).toHaveLength(told.before.length);
    const before = told.before.length;
    await engine.pull(`${registry.host}/app:v1`);
    expect(told.before).toHaveLength(before);
  });

  it("are told what goes, once, and not what the registry has", async () => {
    const [registry, target] = [await started(), await started()];
    const image = await app(registry);
    const told = new Told();
    const engine = await opened(told.hooks);
    await engine.pull(`${registry.host}/app:v1`);
    const up = () => told.before.filter(({ direction }) => direction === "up");
    const push = () => engine.push(`${registry.host}/app:v1`, { target: `${target.host}/app:v1` });
    await push();
    const digests = [image.config, layerOf(image)].map(({ digest }) => digest);
    expect(new Set(up().map(({ digest }) => digest))).toEqual(new Set(digests));
    expect(up().every(({ endpoint }) => endpoint === target.url)).toBe(true);
    await push();
    expect(up()).toHaveLength(2);
    expect(told.after.filter(({ direction }) => direction === "up")).toMatchObject([
      { bytes: expect.any(Number) },
      { bytes: expect.any(Number) },
    ]);
  });

  it("hold for copies, streams and documents too", async () => {
    const [registry, target] = [await started(), await started()];
    const image = await app(registry);
    const told = new Told();
    const engine = await opened(told.hooks);
    await engine.copy(`${registry.host}/app:v1`, `${target.host}/app:v1`);
    const { digest } = layerOf(image);
    expect(
      told.before
        .filter((transfer) => transfer.digest === digest)
        .map((one) => one.direction)
        .toSorted(),
    ).toEqual(["down", "up"]);
    told.before.length = 0;
    for await (const _ of engine.openBlob(`${registry.host}/app:v1`, layerOf(image)));
    expect(told.before.map((transfer) => transfer.digest)).toEqual([digest]);
  });

  it("tell each attempt, with what it failed with", async () => {
    const registry = await started();
    const layer = layerOf(await app(registry, [400_000]));
    registry.fault({ kind: "blob", digest: layer.digest, times: 2 }, { truncate: 100_000 });
    const told = new Told();
    const engine = await opened(told.hooks, { ranges: false }); // whose requests are parts of one attempt
    await engine.pull(`${registry.host}/app:v1`);
    const attempts = told.after.filter(isLayer(layer.size));
    expect(attempts.map(({ error }) => error !== undefined)).toEqual([true, true, false]);
    expect(attempts.at(-1)?.bytes).toBe(layer.size);
    expect(told.before.filter(isLayer(layer.size))).toHaveLength(3);
  });

  it("refuse with a typed error: nothing is asked for again, at no endpoint, and nothing is named", async () => {
    const [registry, mirror] = [await started(), await started()];
    const layer = layerOf(await app(registry));
    await app(mirror);
    const told = new Told();
    const engine = await opened(
      {
        before(transfer) {
          told.before.push(transfer);
          if (transfer.digest === layer.digest) throw new Error("over quota");
        },
        after: told.hooks.after,
      },
      { registry: { mirrors: { [registry.host]: [mirror.url] } } },
    );
    const failure = await failureOf(engine.pull(`${registry.host}/app:v1`));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(failure).toMatchObject({
      message: `begin transfer down of ${layer.digest}: refused: over quota`,
      digest: layer.digest,
      cause: { message: "over quota" },
    });
    expect(told.before.filter(isLayer(layer.size))).toHaveLength(1);
    expect(told.after.filter(isLayer(layer.size))).toEqual([]);
    expect([...gets(registry, layer.digest), ...gets(mirror, layer.digest)]).toEqual([]);
    expect(await namesOn(engine.root)).toEqual([]);
  });

  it("refuse an upload before its first byte, and leave no session", async () => {
    const [registry, target] = [await started(), await started()];
    await app(registry);
    const engine = await opened({ before: ({ direction }) => direction === "down" });
    await engine.pull(`${registry.host}/app:v1`);
    const failure = await failureOf(
      engine.push(`${registry.host}/app:v1`, { target: `${target.host}/app:v1` }),
    );
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(target.uploads("app")).toEqual([]);
    expect(target.requests.filter(({ bytesReceived }) => bytesReceived > 0)).toEqual([]);
  });

  it("delay a transfer, which holds no slot meanwhile and says what it waits for", async () => {
    const registry = await started();
    const image = await app(registry, [5_000, 6_000]);
    const [slow, other] = image.layers.map(({ descriptor }) => descriptor);
    const gate = Promise.withResolvers<void>();
    const words: string[] = [];
    const engine = await opened(
      { before: ({ digest }) => (digest === slow?.digest ? gate.promise : undefined) },
      { maxConcurrentDownloads: 1 },
    );
    const pulling = engine.pull(`${registry.host}/app:v1`, {
      onProgress: (progress) => void (progress.kind === "update" && words.push(progress.action)),
    });
    await until(
      async () =>
        (await engine.content.info(other?.digest ?? ("" as never)).catch(() => undefined)) !== undefined,
    );
    expect(gets(registry, slow?.digest ?? "")).toEqual([]);
    expect(words).toContain("Waiting to be let in");
    gate.resolve();
    await pulling;
  });

  it("leave no more ingests open than they may, however many they delay", async () => {
    const registry = await started();
    await app(
      registry,
      Array.from({ length: 110 }, (_, at) => 1_000 + at),
    );
    const asked = new Set<string | undefined>();
    const gate = Promise.withResolvers<void>();
    const engine = await opened(
      {
        before({ digest, mediaType }) {
          if (!mediaType?.includes("layer")) return undefined;
          asked.add(digest);
          return gate.promise;
        },
      },
      { maxConcurrentDownloads: 16 },
    );
    const words: string[] = [];
    const pulling = engine.pull(`${registry.host}/app:v1`, {
      onProgress: (progress) => void (progress.kind === "update" && words.push(progress.action)),
    });
    try {
      await until(() => words.filter((word) => word === "Waiting to be let in").length >= 64);
      expect(asked.size).toBeLessThanOrEqual(64 + 16);
      expect(engine.stats().downloads.waiting).toBeGreaterThanOrEqual(110 - 64 - 16);
    } finally {
      gate.resolve();
    }
    await pulling;
    expect(asked.size).toBe(110);
  });

  it("are asked once for all who want the content", async () => {
    const registry = await started();
    const layer = layerOf(await app(registry));
    const told = new Told();
    const gate = Promise.withResolvers<void>();
    const engine = await opened({
      before(transfer) {
        told.before.push(transfer);
        return gate.promise;
      },
    });
    const pulls = [1, 2, 3].map(() => engine.pull(`${registry.host}/app:v1`));
    await until(() => told.before.length > 0);
    gate.resolve();
    await Promise.all(pulls);
    expect(told.before.filter(isLayer(layer.size))).toHaveLength(1);
  });

  it("end with the pull, also when they never answer", async () => {
    const registry = await started();
    await app(registry);
    const asked = Promise.withResolvers<AbortSignal>();
    const engine = await opened({
      before: (_, { signal }) => {
        asked.resolve(signal);
        return new Promise(() => {});
      },
    });
    const stop = new AbortController();
    const pulling = failureOf(engine.pull(`${registry.host}/app:v1`, { signal: stop.signal }));
    const signal = await asked.promise;
    stop.abort();
    expect(await pulling).toMatchObject({ code: "ERR_CANCELED" });
    await until(() => signal.aborted);
  });

  it("fail nothing when `after` does", async () => {
    const registry = await started();
    await app(registry);
    const logger = memoryLogger();
    const engine = await opened(
      {
        after() {
          throw new Error("a hook's own");
        },
      },
      { logger },
    );
    await engine.pull(`${registry.host}/app:v1`);
    expect(await namesOn(engine.root)).toHaveLength(1);
    const messages = new Set(logger.warnings().map(({ message }) => message));
    expect([...messages]).toEqual(["the hook after a transfer failed"]);
  });
});
