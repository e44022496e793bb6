import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrFailedPrecondition, ErrNotFound } from "../../../src/errors.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { layerOf } from "../support/built-image.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "../support/engine.ts";
import { ACCOUNT, APP, profileSite } from "../support/profile-site.ts";
import { closedPort } from "../support/servers.ts";
import { until } from "../support/until.ts";

const SIZE = 3_000_000;

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;
const repository = (): string => `${registry.host}/${APP}`;
const put = () => registry.putGeneratedBlob(APP, { size: SIZE, seed: "stream" });

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
});

async function read(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk); // each is a fresh one, so they may be kept
  return Buffer.concat(all);
}

describe("openBlob()", () => {
  it("gives the bytes of a content that is not here, and keeps nothing", async () => {
    const blob = await put();
    const bytes = await read(engine.openBlob(repository(), blob));
    expect(digestOf(bytes)).toBe(blob.digest);
    expect(await blobsOn(engine.root)).toEqual([]);
    expect(await engine.content.listStatuses()).toEqual([]);
  });

  it("goes on where it stood, as often as the connection breaks", async () => {
    const blob = await put();
    registry.fault({ kind: "blob", method: "GET", times: 10 }, { truncate: 250_000 });
    const bytes = await read(engine.openBlob(repository(), blob));
    expect(digestOf(bytes)).toBe(blob.digest);
    const ranges = registry.requests.flatMap(({ kind, headers }) =>
      kind === "blob" ? [headers["range"]] : [],
    );
    expect(ranges).toHaveLength(11);
    expect(ranges.slice(0, 3)).toEqual([undefined, "bytes=250000-", "bytes=500000-"]);
  });

  it("gives up when nothing more comes", async () => {
    const blob = await put();
    registry.fault({ kind: "blob", times: Number.POSITIVE_INFINITY }, { truncate: 0 });
    const failure = await failureOf(read(engine.openBlob(repository(), blob)));
    expect(failure).toMatchObject({ endpoint: registry.url });
  });

  it("reads what a server sends from the start that cannot start in the middle", async () => {
    const blob = await put();
    registry.fault({ kind: "blob", times: 1 }, { truncate: 1_000_000 });
    registry.fault({ kind: "blob", times: 1 }, { ignoreRange: true });
    expect(digestOf(await read(engine.openBlob(repository(), blob)))).toBe(blob.digest);
  });

  it("goes on at the next endpoint where the one before broke for good", async () => {
    const mirror = keep(await TestRegistry.start());
    const dead = keep(await closedPort());
    const blob = await put();
    await mirror.putGeneratedBlob(APP, { size: SIZE, seed: "stream" });
    mirror.fault({ kind: "blob", times: 1 }, { truncate: 1_000_000 });
    mirror.fault({ kind: "blob", times: Number.POSITIVE_INFINITY }, { status: 500 });
    const mirrors = { [registry.host]: [dead.url, mirror.url] };
    const mirrored = keep(await openEngine({ registry: { mirrors } }));
    expect(digestOf(await read(mirrored.openBlob(repository(), blob)))).toBe(blob.digest);
    const own = registry.requests.find(({ kind }) => kind === "blob");
    expect(own?.headers["range"]).toBe("bytes=1000000-");
  });

  it("never gives the last bytes of a content that turns out to be another one", async () => {
    const blob = await put();
    registry.fault({ kind: "blob" }, { corrupt: { offset: 10 } });
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of engine.openBlob(repository(), blob)) bytes += chunk.byteLength;
    })();
    const failure = await failureOf(reading);
    expect(failure).toBeInstanceOf(ErrDataLoss);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(SIZE);
  });

  it("asks again for wrong bytes of which it has given none", async () => {
    const blob = await registry.putBlob(APP, Buffer.from("small enough to come at once"));
    const mirror = keep(await TestRegistry.start());
    await mirror.putBlob(APP, Buffer.from("small enough to come at once"));
    mirror.fault({ kind: "blob" }, { corrupt: { offset: 3 } });
    const mirrored = keep(await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } }));
    expect(digestOf(await read(mirrored.openBlob(repository(), blob)))).toBe(blob.digest);
  });

  it("refuses a content of another size than the one that was said", async () => {
    const blob = await put();
    for (const size of [SIZE - 1, SIZE + 1]) {
      const failure = await failureOf(read(engine.openBlob(repository(), { ...blob, size })));
      expect(failure).toBeInstanceOf(ErrDataLoss);
    }
  });

  it("asks for no more than is taken, and closes the connection when its reader leaves", async () => {
    const blob = await registry.putGeneratedBlob(APP, { size: 64_000_000, seed: "large" });
    let bytes = 0;
    for await (const chunk of engine.openBlob(repository(), blob)) {
      bytes += chunk.byteLength;
      if (bytes > 1_000_000) break;
    }
    const request = await registry.waitFor(({ kind }) => kind === "blob", { finished: true });
    expect(request.state).toBe("aborted");
    await until(() => registry.openConnections === 0);
    await engine.close(); // nothing is under way any more
  });

  it("ends for a reader that waits when its signal fires, and for one that does not read on", async () => {
    const blob = await put();
    registry.fault({ kind: "blob", times: 2 }, { stall: true, afterBytes: 100_000 });
    const aborting = new AbortController();
    const waiting = failureOf(read(engine.openBlob(repository(), blob, { signal: aborting.signal })));
    const idle = engine.openBlob(repository(), blob)[Symbol.asyncIterator]();
    await idle.next();
    await registry.waitFor(({ kind }) => kind === "blob");
    aborting.abort();
    expect(await waiting).toBeInstanceOf(ErrCanceled);
    engine.abort("enough");
    expect(await failureOf(idle.next())).toBeInstanceOf(ErrCanceled);
  });

  it("gives what is here without asking anybody", async () => {
    const image = await buildImage(registry, APP, { tag: "v1", layers: [500_000] });
    await engine.pull(`${repository()}:v1`, { platform: "linux/amd64" });
    const before = registry.requests.length;
    const layer = layerOf(image);
    const bytes = await read(engine.openBlob(repository(), layer));
    expect(digestOf(bytes)).toBe(layer.digest);
    expect(registry.requests.length).toBe(before);
  });

  it("gives an empty content, a document, and one of which only digest and size are known", async () => {
    const empty = await registry.putBlob(APP, new Uint8Array());
    expect(await read(engine.openBlob(repository(), empty))).toHaveLength(0);
    const { descriptor } = await buildImage(registry, APP, { tag: "v1", layers: [2_000] });
    expect(digestOf(await read(engine.openBlob(repository(), descriptor)))).toBe(descriptor.digest);
    const { digest, size } = await put();
    expect(await read(engine.openBlob(repository(), { digest, size }))).toHaveLength(SIZE);
  });

  it("has the credentials of the engine, or those that it is given", async () => {
    await using site = await profileSite("hub", { account: true });
    const layer = layerOf(site.image);
    const stranger = keep(await openEngine());
    await failureOf(read(stranger.openBlob(site.named(APP), layer)));
    const own = await read(stranger.openBlob(site.named(APP), layer, { auth: ACCOUNT }));
    expect(digestOf(own)).toBe(layer.digest);
    expect(await read(site.engine.openBlob(site.named(APP), layer))).toHaveLength(layer.size);
  });

  it("tells how far it is, and reports what a registry has not in docker's words", async () => {
    const blob = await put();
    const lines: string[] = [];
    await read(
      engine.openBlob(repository(), blob, {
        onProgress: (line) => void lines.push(line.kind === "update" ? line.action : line.message),
      }),
    );
    expect(new Set(lines)).toEqual(new Set(["Downloading", "Download complete"]));
    const missing = { ...blob, digest: digestOf("nobody has it") };
    const failure = await failureOf(read(engine.openBlob(repository(), missing)));
    expect(failure).toBeInstanceOf(ErrNotFound);
    await engine.close();
    expect(await failureOf(read(engine.openBlob(repository(), blob)))).toBeInstanceOf(ErrFailedPrecondition);
  });
});
