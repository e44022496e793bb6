import { beforeEach, describe, expect, it, vi } from "vitest";
import { parseDigest } from "../../src/digest/digest.ts";
import type { RangeOptions } from "../../src/remotes/ranges/ranges.ts";
import { type BuiltImage, buildImage, type RequestRecord, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { blobsOn, type Engine, openEngine } from "./support/engine.ts";
import { REPOSITORY } from "./support/push-site.ts";

// These say themselves how a blob moves, whatever a run was told.
vi.unmock("../../src/remotes/ranges/ranges.ts");

const EAGER: RangeOptions = { fromBytes: 1, pieceBytes: 50_000, stepMs: 0 };

let registry: TestRegistry;
let mirror: TestRegistry;
let image: BuiltImage;

const keep = closingAfterEach();

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  mirror = keep(await TestRegistry.start());
  for (const place of [registry, mirror]) {
    image = await buildImage(place, REPOSITORY, { tag: "v1", layers: [1_000_000] });
  }
});

const layer = (): { digest: string; size: number } => image.layers[0]?.descriptor ?? { digest: "", size: 0 };

async function engine(ranges: false | RangeOptions): Promise<Engine> {
  const mirrors = { [registry.host]: [mirror.url] };
  return keep(await openEngine({ registry: { mirrors }, ranges }));
}

const pull = async ({ distribution }: { distribution: Engine }) =>
  await distribution.pull(`${registry.host}/${REPOSITORY}:v1`);

const isPart = ({ headers }: RequestRecord): boolean => /-\d+$/.test(String(headers["range"]));

const partsAt = ({ requests }: TestRegistry): number =>
  requests.filter((request) => request.digest === layer().digest && isPart(request)).length;

describe("a layer in ranges", () => {
  it("comes from the endpoint whose turn it is, where nobody has said anything else", async () => {
    mirror.fault({ kind: "blob", digest: layer().digest }, { stall: true, afterBytes: 100_000 });
    const { served } = await pull({ distribution: await engine(EAGER) });
    expect(new Set(served.map(({ endpoint }) => endpoint))).toEqual(new Set([mirror.url]));
    expect(partsAt(registry)).toBe(0);
  });

  it("comes from the registry as well where all endpoints may be asked, and it is told how much", async () => {
    mirror.fault(
      { kind: "blob", digest: layer().digest, times: Infinity },
      { stall: true, afterBytes: 100_000 },
    );
    const { served, endpoint } = await pull({ distribution: await engine({ ...EAGER, from: "all" }) });
    expect(endpoint).toBe(mirror.url);
    const ofLayer = served.filter(({ digest }) => digest === layer().digest);
    expect(ofLayer.map((one) => one.endpoint).toSorted()).toEqual([mirror.url, registry.url].toSorted());
    expect(ofLayer.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(layer().size);
    expect(partsAt(registry)).toBeGreaterThan(0);
  });

  it("comes although the token that it began with holds no longer", async () => {
    const guarded = keep(await TestRegistry.start({ auth: { bearer: { anonymousPull: true } } }));
    const image = await buildImage(guarded, REPOSITORY, { tag: "v1", layers: [1_000_000] });
    const [{ digest } = layer()] = image.layers.map(({ descriptor }) => descriptor);
    guarded.fault({ kind: "blob", digest }, { stall: true, afterBytes: 100_000 });
    const revoked = guarded
      .waitFor((request) => request.digest === digest && isPart(request))
      .then(() => guarded.revokeTokens());
    const distribution = await engine({ ...EAGER, atOnce: 3 });
    await distribution.pull(`${guarded.host}/${REPOSITORY}:v1`);
    await revoked;
    const ofLayer = guarded.requests.filter((request) => request.digest === digest);
    expect(ofLayer.filter(({ status }) => status === 401).length).toBeGreaterThan(0);
    expect(await blobsOn(distribution.root)).toContain(digest);
  });

  it("comes although a mirror sends other bytes for one range, and then from one endpoint", async () => {
    registry.fault({ kind: "blob", digest: layer().digest }, { stall: true, afterBytes: 100_000 });
    mirror.fault({ kind: "blob", digest: layer().digest, times: Infinity }, { corrupt: { offset: 700_000 } });
    const distribution = await engine({ ...EAGER, from: "all" });
    await pull({ distribution });
    await distribution.check();
    expect((await distribution.content.info(parseDigest(layer().digest))).size).toBe(layer().size);
  });

  it("comes once for two who want it, in one engine and in another one on the same root", async () => {
    mirror.fault({ kind: "blob", digest: layer().digest }, { stall: true, afterBytes: 100_000 });
    const distribution = await engine(EAGER);
    const { root } = distribution;
    const mirrors = { [registry.host]: [mirror.url] };
    const other = keep(await openEngine({ root, registry: { mirrors }, ranges: EAGER }));
    const begun = mirror.waitFor((request) => request.digest === layer().digest && isPart(request));
    const first = pull({ distribution });
    await begun;
    await Promise.all([first, pull({ distribution }), pull({ distribution: other })]);
    const whole = mirror.requests.filter((one) => one.digest === layer().digest && !isPart(one));
    expect(whole.filter(({ method }) => method === "GET").length).toBe(1);
    expect(await blobsOn(root)).toContain(layer().digest);
  });

  it("comes in one stream where that is what the engine was told", async () => {
    await pull({ distribution: await engine(false) });
    expect(partsAt(mirror) + partsAt(registry)).toBe(0);
  });
});
