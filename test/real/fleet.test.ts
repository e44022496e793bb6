import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { isPart } from "../distribution/support/requests.ts";
import { RANGES } from "../support/as-told/told.ts";
import { bytesOnDisk, isOnDisk } from "./support/bytes-on-disk.ts";
import type { CountingProxy, ProxyRecord } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { dockerRegistryVersion, startDockerRegistry } from "./support/docker-registry.ts";
import { type Fleet, type Machine, pushFleetImage, REPOSITORY, startFleet } from "./support/fleet.ts";
import type { MadeImage } from "./support/images.ts";
import { skopeo } from "./support/skopeo.ts";
import { startSquid } from "./support/squid.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { storedBlobs } from "./support/stored-blobs.ts";
import { until } from "./support/until.ts";

const MIB = 1024 ** 2;

/** Size of the image in MiB, another one by hand: `FLEET_MIB=1024 npx vitest run test/real/fleet.test.ts`. */
const { FLEET_MIB = "16" } = process.env;
const IMAGE = { count: 4, bytes: Number(FLEET_MIB) * MIB };

/** Data roots, each with a process of its own. */
const MACHINES = 8;

/** Half of a layer's content, in bytes. */
const HALF_BYTES = Math.floor(IMAGE.bytes / IMAGE.count / 2);

/** How long the second half of a layer is held back at a time, in milliseconds: less than anybody's patience. */
const SILENCE_MS = 10_000;

/** What may be on its way from a cache that holds half of a layer to a machine, in bytes. */
const ON_THE_WAY_BYTES = MIB / 4;

/** How often one machine finds out that a cache gives no ranges of a blob, which is at once where all blobs are to come in some. */
const TRIALS = RANGES === "all" ? 1 : 0;

/**
 * Requests to the origin that a trial costs at most: for the trial, and for docker-registry itself when it has just got the blob, or for
 * a second trial when the first one is not answered in time.
 */
const ASKS_BY_TRIAL = 2;

/** Longest time for one test, in milliseconds: a minute, and a second for each MB, which goes through nine processes. */
const TIMEOUT_MS = 60_000 + IMAGE.bytes / 1_000;

let stage: Stage;
let image: MadeImage;
let fleet: Fleet;

const blobsOf = ({ config, layers }: MadeImage): readonly Descriptor[] => [config, ...layers];

/** The requests for a blob that came to the origin by this way, those for parts of it among them. */
const asked = ({ records }: CountingProxy, { digest }: Descriptor): readonly ProxyRecord[] =>
  records.filter(({ method, path }) => method === "GET" && path.includes(`/blobs/${digest}`));

/** How many came for each of these, or for the rest of it. */
const counts = (proxy: CountingProxy, blobs: readonly Descriptor[]): readonly number[] =>
  blobs.map((blob) => asked(proxy, blob).filter((request) => !isPart(request)).length);

const ascending = (numbers: readonly number[]): readonly number[] =>
  numbers.toSorted((one, other) => one - other);

/** What the machines wanted is there, and right. */
async function expectAll(machines: readonly Machine[]): Promise<void> {
  for (const outcome of await Promise.all(machines.map(({ pull }) => pull.done))) {
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    expect(outcome.stdout).toContain(`@${image.manifest.digest}\n`);
  }
  const blobs = [image.manifest, ...blobsOf(image)].map(({ digest }) => digest).sort();
  for (const { root } of machines) expect(await storedBlobs(root)).toEqual(blobs);
}

/** How often docker-registry asks for a blob that so many want before it has it: version 2 keeps it by a request of its own. */
async function asksForEach(clients: number): Promise<number> {
  const { major } = await dockerRegistryVersion();
  return major < 3 ? clients + 1 : clients;
}

/** Whether the byte at `offset` of a layer may pass: those of the second half one piece at a time, as clients give silence up. */
function mayPass(offset: number): () => boolean {
  const sinceMs = performance.now();
  return () => offset < HALF_BYTES || performance.now() - sinceMs > SILENCE_MS;
}

const CACHES = [
  {
    cache: "docker-registry",
    machines: MACHINES,
    start: () => startDockerRegistry({ mirrorOf: fleet.upstream.url }),
    asks: () => asksForEach(MACHINES),
    trials: MACHINES * TRIALS * ASKS_BY_TRIAL,
  },
  {
    cache: "squid",
    machines: 3,
    start: () => startSquid({ inFrontOf: fleet.upstream.host }),
    asks: async () => 1,
    trials: 0,
  },
];

describeReal("machines behind a cache", ["docker-registry", "skopeo", "squid"], () => {
  beforeAll(async () => {
    stage = await startStage();
    image = await pushFleetImage(stage, "v1", IMAGE);
  }, TIMEOUT_MS);

  afterAll(() => stage.close());

  beforeEach(async () => {
    fleet = await startFleet(stage);
  });

  afterEach(() => fleet[Symbol.asyncDispose]());

  it(
    `have each blob once from the origin, ${MACHINES} at once, when the cache serves many out of one answer`,
    async () => {
      await using squid = await startSquid({ inFrontOf: fleet.upstream.host });
      await fleet.configure(squid.url);

      await expectAll(await fleet.start("v1", MACHINES));

      expect(counts(fleet.upstream, blobsOf(image))).toEqual([1, 1, 1, 1, 1]);
      expect(fleet.direct.records).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "have nothing from the origin that docker-registry keeps, which asks no more for one of them than for skopeo",
    async ({ signal }) => {
      await using cache = await startDockerRegistry({ mirrorOf: fleet.upstream.url });
      await fleet.configure(cache.url);
      async function keeps(wanted: MadeImage): Promise<readonly number[]> {
        await until(() => blobsOf(wanted).every(({ digest }) => cache.keeps(REPOSITORY, digest)), signal);
        return counts(fleet.upstream, blobsOf(wanted));
      }
      await expectAll(await fleet.start("v1", 1));
      const askedForOne = await keeps(image);
      const least = await asksForEach(1);
      expect(Math.min(...askedForOne)).toBe(least);
      expect(Math.max(...askedForOne)).toBeLessThanOrEqual(least + TRIALS * ASKS_BY_TRIAL);

      await expectAll(await fleet.start("v1", 1));
      expect(await keeps(image)).toEqual(askedForOne);
      expect(fleet.direct.records).toEqual([]);

      const other = await pushFleetImage(stage, "v2", IMAGE);
      const target = `oci:${await stage.newRoot()}:v2`;
      await skopeo(["copy", "--src-tls-verify=false", `docker://${cache.host}/${REPOSITORY}:v2`, target]);
      expect(new Set(await keeps(other))).toEqual(new Set([least]));
    },
    TIMEOUT_MS,
  );

  it.for(CACHES)(
    "go on at the origin from where they are, $machines at once, when $cache is killed half-way",
    { timeout: TIMEOUT_MS },
    async ({ machines: count, start, asks, trials }, { signal }) => {
      await using cache = await start();
      await fleet.configure(cache.url);
      const [whole, halves] = [blobsOf(image).slice(0, 3), blobsOf(image).slice(3)];
      // As long as the cache lives, nobody has much more than the half of these.
      const path = new RegExp(halves.map(({ digest }) => digest).join("|"));
      fleet.upstream.pace({ path, before: (offset, gone) => until(mayPass(offset), gone) });
      const machines = await fleet.start("v1", count);
      const had = (blob: Descriptor) => ascending(machines.map(({ root }) => bytesOnDisk(root, blob)));
      const haveHalf = (layer: Descriptor): boolean => (had(layer)[0] ?? 0) >= HALF_BYTES - ON_THE_WAY_BYTES;
      await until(() => machines.every(({ root }) => whole.every((blob) => isOnDisk(root, blob))), signal);
      await until(() => halves.every(haveHalf), signal);
      const perBlob = await asks();
      await until(() => counts(fleet.upstream, halves).every((asked) => asked >= perBlob), signal);
      const hadThen = halves.map(had);

      await cache[Symbol.asyncDispose]();
      await expectAll(machines);

      const fromUpstream = counts(fleet.upstream, halves);
      expect(Math.min(...fromUpstream)).toBeGreaterThanOrEqual(perBlob);
      expect(Math.max(...fromUpstream)).toBeLessThanOrEqual(perBlob + trials);
      expect(counts(fleet.direct, blobsOf(image))).toEqual([0, 0, 0, count, count]);
      for (const [at, layer] of halves.entries()) {
        const requests = asked(fleet.direct, layer);
        const starts = requests.map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1]));
        const rests = requests.filter((request) => !isPart(request));
        const areWhole = rests.every(({ bytes, range }) => range === `bytes=${layer.size - bytes}-`);
        expect(areWhole || rests.length < requests.length).toBe(true); // parts come over other connections
        const lost = ascending(starts).map((start, machine) => (hadThen[at]?.[machine] ?? 0) - start);
        expect(Math.max(...lost)).toBeLessThanOrEqual(0);
      }
    },
  );
});
