import { tracingChannel } from "node:diagnostics_channel";
import { beforeEach, describe, expect, it } from "vitest";
import type { TRACES } from "../../src/progress/tracing.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";

const REPOSITORY = "team/app";
const AMD64 = { platform: "linux/amd64" };
const ACCOUNT = { username: "me", password: "hush" };

let registry: TestRegistry;
let image: BuiltImage;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000, 5_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
});

/** What has ended on a channel, with what became of it. */
function heard(channel: keyof typeof TRACES): Array<Record<string, unknown>> {
  const ended: Array<Record<string, unknown>> = [];
  const handlers = {
    start() {},
    end() {},
    asyncStart() {},
    asyncEnd: (trace: object) => void ended.push(trace as Record<string, unknown>),
    error() {},
  };
  const tracing = tracingChannel(`drayage:${channel}`);
  tracing.subscribe(handlers);
  keep({
    async [Symbol.asyncDispose]() {
      tracing.unsubscribe(handlers);
    },
  });
  return ended;
}

/** One that asks once for each content. */
async function engineWith(logger = memoryLogger()): Promise<Engine> {
  const backoff = { baseMs: 1, random: () => 1 };
  return keep(await openEngine({ logger, layers: true, backoff, ranges: false }));
}

describe("traces", () => {
  it("tell of a pull, its transfers, requests and layers", async () => {
    const [pulls, transfers, requests, unpacks] = [
      heard("pull"),
      heard("transfer"),
      heard("request"),
      heard("unpack"),
    ];
    const engine = await engineWith();
    const result = await engine.pull(name, AMD64);
    expect(pulls).toMatchObject([{ reference: name, result }]);
    const layer = layerOf(image);
    expect(transfers.filter(({ digest }) => digest === layer.digest)).toMatchObject([
      {
        size: layer.size,
        bytes: layer.size,
        direction: "down",
        endpoint: registry.url,
        firstByteAtMs: expect.any(Number),
        receivedAtMs: expect.any(Number),
      },
    ]);
    expect(requests.filter(({ url }) => String(url).includes(layer.digest))).toMatchObject([
      {
        method: "GET",
        connectedAtMs: expect.any(Number),
        endedAtMs: expect.any(Number),
        result: { status: 200 },
      },
    ]);
    expect(unpacks.filter(({ digest }) => digest === layer.digest).map(({ step }) => step)).toEqual([
      "prepare",
      "register",
    ]);
  });

  it("tell of a push, and of what it brings to the registry", async () => {
    const engine = await engineWith();
    await engine.pull(name, AMD64);
    const [pushes, transfers] = [heard("push"), heard("transfer")];
    const other = keep(await TestRegistry.start());
    await engine.push(name, { target: `${other.host}/${REPOSITORY}:v1` });
    expect(pushes).toHaveLength(1);
    expect(transfers).toContainEqual(
      expect.objectContaining({ digest: layerOf(image).digest, direction: "up", endpoint: other.url }),
    );
  });

  it("tell of a failure, and log it under the same operation", async () => {
    const pulls = heard("pull");
    registry.fault({ kind: "blob", digest: layerOf(image).digest }, { status: 500 });
    const logger = memoryLogger();
    const engine = await engineWith(logger);
    await engine.pull(name, AMD64);
    const error = await failureOf(engine.pull(`${name}-missing`, AMD64));
    expect(pulls[1]).toMatchObject({ error });
    const { operation } = pulls[0] ?? {};
    const lines = logger.entries.filter(
      ({ fields }) => "operation" in fields && fields.operation === operation,
    );
    expect(lines.map(({ message }) => message)).toEqual(["pull begins", "trying again", "pulled"]);
    const failed = logger.entries.find(({ message }) => message === "pull failed");
    expect(failed?.fields).toMatchObject({ operation: pulls[1]?.["operation"], err: error });
  });

  it("have no secret in them", async () => {
    const requests = heard("request");
    const guarded = keep(await TestRegistry.start({ auth: { basic: ACCOUNT } }));
    await buildImage(guarded, REPOSITORY, { tag: "v1", layers: [5_000] });
    const engine = await engineWith();
    await engine.pull(`${guarded.host}/${REPOSITORY}:v1`, {
      ...AMD64,
      auth: ACCOUNT,
    });
    expect(requests.length).toBeGreaterThan(0);
    expect(JSON.stringify(requests)).not.toContain("hush");
  });
});

describe("stats()", () => {
  it("tells what runs, what waits, and whom it is connected to", async () => {
    const layer = layerOf(image);
    const fault = registry.fault({ kind: "blob", digest: layer.digest }, { stall: true, afterBytes: 9_000 });
    const engine = keep(await openEngine({ maxConcurrentDownloads: 1 }));
    expect(engine.stats()).toMatchObject({ operations: 0, bytesServed: 0, hosts: [] });
    const pulled = engine.pull(name, AMD64);
    await expect
      .poll(() => engine.stats())
      .toMatchObject({
        operations: 1,
        downloads: { running: 1, waiting: 1 },
        uploads: { running: 0, waiting: 0 },
        hosts: [{ host: registry.host, connections: expect.any(Number) }],
      });
    fault.release();
    await pulled;
    const { operations, bytesServed } = engine.stats();
    const contents = [image.descriptor, image.config, ...image.layers.map(({ descriptor }) => descriptor)];
    expect({ operations, bytesServed }).toEqual({
      operations: 0,
      bytesServed: contents.reduce((sum, { size }) => sum + size, 0),
    });
  });
});
