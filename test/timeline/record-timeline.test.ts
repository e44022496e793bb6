import { tracingChannel } from "node:diagnostics_channel";
import { beforeEach, describe, expect, it } from "vitest";
import type { Progress } from "../../src/index.ts";
import { type BuiltImage, buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { recordTimeline, type Timeline, type TimelineItem, timelineSvg } from "../../src/timeline.ts";
import { layerOf } from "../distribution/support/built-image.ts";
import { type Engine, failureOf, openEngine } from "../distribution/support/engine.ts";
import { guardedSite, SECRET_STRINGS } from "../distribution/support/guarded-site.ts";
import { until } from "../distribution/support/until.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";

const REPOSITORY = "team/app";
const AMD64 = { platform: "linux/amd64" };

let registry: TestRegistry;
let image: BuiltImage;
let name: string;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000, 5_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
});

function item({ items }: Timeline, wanted: string): TimelineItem | undefined {
  return items.find((one) => one.name === wanted);
}

function names({ items }: Timeline): readonly string[] {
  return items.map((each) => each.name);
}

function phasesOf(found: TimelineItem | undefined): ReadonlySet<string> {
  return new Set(found?.spans.map(({ phase }) => phase));
}

/** All that holds of every timeline. */
function expectSound({ durationMs, items, operations }: Timeline): void {
  for (const { startMs, endMs } of [...operations, ...items.flatMap(({ spans }) => spans)]) {
    expect(0 <= startMs && startMs <= endMs && endMs <= durationMs).toBe(true);
  }
  for (const { spans } of items)
    expect(spans).toEqual(spans.toSorted((one, other) => one.startMs - other.startMs));
}

async function recorded(engine: Engine, reference = name): Promise<Timeline> {
  const { result, timeline } = recordTimeline(() => engine.pull(reference, AMD64));
  await result;
  return await timeline;
}

describe("recordTimeline()", () => {
  it.each([{ workers: 0 }, { workers: 1, bytesPerWorker: 0 }])(
    "tells what each content of a pull went through, with $workers threads",
    async (threads) => {
      const engine = keep(await openEngine({ layers: true, ...threads }));
      const timeline = await recorded(engine);
      expectSound(timeline);
      expect(timeline.operations).toMatchObject([{ verb: "pull", reference: name }]);
      const layer = layerOf(image);
      const found = item(timeline, layer.digest);
      expect(found).toMatchObject({ kind: "content", size: layer.size, mediaType: layer.mediaType });
      expect([...phasesOf(found)]).toEqual(
        expect.arrayContaining(["wait", "request", "bytes", "verify", "unpack", "register"]),
      );
      const request = found?.spans.find(({ phase }) => phase === "request");
      expect(request).toMatchObject({
        endpoint: registry.url,
        status: 200,
        request: expect.stringContaining(layer.digest),
      });
      const bytes = found?.spans.find(({ phase }) => phase === "bytes");
      expect(bytes).toMatchObject({
        endpoint: registry.url,
        bytes: layer.size,
        hashMs: expect.any(Number),
        writeMs: expect.any(Number),
      });
      expect(bytes?.startMs).toBe(request?.endMs);
      const contents = [image.descriptor, image.config, ...image.layers.map(({ descriptor }) => descriptor)];
      for (const { digest } of contents) expect(item(timeline, digest)).toBeDefined();
      expect([...phasesOf(item(timeline, name))]).toEqual(expect.arrayContaining(["connect", "request"]));
      expect(timeline.omitted).toBe(0);
    },
  );

  it("tells of DNS and TLS, where there are any", async () => {
    const secure = keep(await TestRegistry.start({ tls: selfSigned() }));
    await buildImage(secure, REPOSITORY, { tag: "v1", layers: [5_000] });
    const host = secure.host.replace("127.0.0.1", "localhost");
    const engine = keep(await openEngine({ registry: { plainHttp: false, skipTlsVerify: true } }));
    const timeline = await recorded(engine, `${host}/${REPOSITORY}:v1`);
    const { spans = [] } = item(timeline, `${host}/${REPOSITORY}:v1`) ?? {};
    const made = spans.filter(({ phase }) => ["dns", "connect", "tls"].includes(phase));
    expect(made.slice(0, 3).map(({ phase }) => phase)).toEqual(["dns", "connect", "tls"]);
    expect(made[0]?.endMs).toBe(made[1]?.startMs);
    expect(made[1]?.endMs).toBe(made[2]?.startMs);
  });

  it("tells who waited for a token, and of the server that gave it, and nothing that is secret", async () => {
    const site = keep(await guardedSite());
    const engine = keep(await openEngine());
    const timeline = await recorded(engine, `${site.registry.host}/${REPOSITORY}:v1`);
    expect(phasesOf(item(timeline, `${site.registry.host}/${REPOSITORY}:v1`))).toContain("token");
    const token = item(timeline, new URL(site.tokenServer.url).host);
    expect(token?.kind).toBe("token");
    expect(phasesOf(token)).toContain("request");
    const layer = item(timeline, layerOf(site.image).digest);
    expect(new Set(layer?.spans.map(({ endpoint }) => endpoint))).toContain(site.storage.url);
    for (const secret of SECRET_STRINGS)
      expect(JSON.stringify(timeline) + timelineSvg(timeline)).not.toContain(secret);
  });

  it("is there when the work fails, and says why", async () => {
    const layer = layerOf(image);
    registry.fault({ kind: "blob", digest: layer.digest, times: 99 }, { status: 404 });
    const engine = keep(await openEngine());
    const { result, timeline } = recordTimeline(() => engine.pull(name, AMD64));
    const error = await failureOf(result);
    const told = await timeline;
    expectSound(told);
    expect(told.operations).toMatchObject([{ failure: error.message }]);
    expect(item(told, layer.digest)?.spans).toContainEqual(
      expect.objectContaining({ failure: expect.stringContaining("404") }),
    );
  });

  it("tells of every attempt, and of each endpoint", async () => {
    const mirror = keep(await TestRegistry.start());
    await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [300_000, 5_000] });
    const { digest } = layerOf(image);
    mirror.fault({ kind: "blob", digest }, { reset: true, afterBytes: 9_000 });
    mirror.fault({ kind: "blob", digest, times: 99 }, { status: 500 });
    const registryOptions = { mirrors: { [registry.host]: [mirror.url] } };
    const engine = keep(await openEngine({ registry: registryOptions, ranges: false }));
    const timeline = await recorded(engine);
    const came = item(timeline, digest)?.spans.filter(({ phase }) => phase === "bytes") ?? [];
    expect(came.map(({ endpoint }) => endpoint)).toEqual([mirror.url, registry.url]);
    expect(came[0]?.failure).toBeDefined();
    expect(came[1]).toMatchObject({ bytes: layerOf(image).size });
  });

  it("mixes nothing of two pulls at once, but for the transfers that they share", async () => {
    const [one, other] = await Promise.all(
      ["one", "other"].map((tag) =>
        buildImage(registry, "team/two", { tag, layers: [Buffer.alloc(7_000, tag), 5_000] }),
      ),
    );
    const { release } = registry.fault(
      { kind: "blob", digest: image.layers[1]?.descriptor.digest ?? "" },
      { stall: true, afterBytes: 1 },
    );
    const engine = keep(await openEngine());
    const pulls = ["one", "other"].map((tag) =>
      recordTimeline(() => engine.pull(`${registry.host}/team/two:${tag}`, AMD64)),
    );
    const unrecorded = engine.pull(name, AMD64);
    // Who asks for the first layer of its image has joined the transfer of the second one.
    const own = [one, other].map((built) => layerOf(built as BuiltImage).digest);
    await until(() => own.every((digest) => registry.requests.some((request) => request.digest === digest)));
    release();
    const [first, second] = await Promise.all(pulls.map(({ timeline }) => timeline));
    await unrecorded;
    if (!first || !second || !one || !other) throw new TypeError("both were recorded");
    expect(names(first)).toContain(layerOf(one).digest);
    expect(names(first)).not.toContain(layerOf(other).digest);
    expect(names(second)).toContain(layerOf(other).digest);
    expect(names(second)).not.toContain(layerOf(one).digest);
    const shared = one.layers[1]?.descriptor.digest ?? "";
    for (const timeline of [first, second]) {
      expect(phasesOf(item(timeline, shared))).toContain("bytes");
      expect(names(timeline)).not.toContain(layerOf(image).digest);
      expect(timeline.operations).toHaveLength(1);
    }
  });

  it("tells of a transfer that was under way before as of one that it waited for", async () => {
    const layer = layerOf(image);
    const { release } = registry.fault(
      { kind: "blob", digest: layer.digest },
      { stall: true, afterBytes: 9_000 },
    );
    const engine = keep(await openEngine());
    const before = engine.pull(name, AMD64);
    await until(() => registry.requests.some(({ digest }) => digest === layer.digest));
    let hasJoined = false;
    const onProgress = (told: Progress): void => {
      if (told.kind === "update" && told.digest === layer.digest) hasJoined ||= told.phase === "downloading";
    };
    const { timeline } = recordTimeline(() => engine.pull(name, { ...AMD64, onProgress }));
    await until(() => hasJoined);
    release();
    await before;
    const told = await timeline;
    expect(told.items.find(({ name: key }) => key.endsWith(layer.digest))?.spans).toMatchObject([
      { phase: "wait" },
    ]);
  });

  it("listens to nothing any more when the work has ended", async () => {
    const engine = keep(await openEngine());
    await recorded(engine);
    for (const channel of ["pull", "push", "transfer", "request", "unpack", "join"]) {
      expect(tracingChannel(`drayage:${channel}`).hasSubscribers).toBe(false);
    }
  });

  it("gives what the work gives, and takes work that throws at once", async () => {
    const { result, timeline } = recordTimeline(() => {
      throw new RangeError("at once");
    });
    await expect(result).rejects.toThrow("at once");
    expect(await timeline).toMatchObject({ operations: [], items: [] });
    expect(await recordTimeline(async () => 7).result).toBe(7);
  });
});
