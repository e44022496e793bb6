import { beforeEach, describe, expect, it } from "vitest";
import type { RangeOptions } from "../../src/remotes/ranges/ranges.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Engine, openEngine } from "./support/engine.ts";
import { REPOSITORY } from "./support/push-site.ts";

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

const partsAt = ({ requests }: TestRegistry): number =>
  requests.filter(
    ({ digest, headers }) => digest === layer().digest && /-\d+$/.test(String(headers["range"])),
  ).length;

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

  it("comes in one stream where that is what the engine was told", async () => {
    await pull({ distribution: await engine(false) });
    expect(partsAt(mirror) + partsAt(registry)).toBe(0);
  });
});
