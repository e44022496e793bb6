import { afterAll, beforeAll, expect, it } from "vitest";
import { openDistribution } from "../../src/index.ts";
import type { AccessRecord } from "./support/access-log.ts";
import { startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput } from "./support/drayage.ts";
import { type MadeImage, THREE_PLATFORMS, writeImage, writeIndex } from "./support/images.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { storedBlobs } from "./support/stored-blobs.ts";
import { until } from "./support/until.ts";

/** As many pulls at once as a busy engine has. */
const PULLS = 50;

const REPOSITORY = "test/shared";

/** Two images with a common lowest layer, and one that is all its own. */
const RECIPES = {
  one: [{ bytes: 2_000_000 }, { bytes: 1_000_000, seed: "one" }, { bytes: 50_000, seed: "one more" }],
  two: [{ bytes: 2_000_000 }, { bytes: 1_000_000, seed: "two" }],
} as const;

/** The paths that a pull of these images has to GET, once each; by what their manifests are asked for. */
function wantedPaths(wanted: Readonly<Record<string, MadeImage>>): string[] {
  const paths = Object.entries(wanted).flatMap(([reference, { config, layers }]) => [
    `/v2/${REPOSITORY}/manifests/${reference}`,
    ...[config, ...layers].map(({ digest }) => `/v2/${REPOSITORY}/blobs/${digest}`),
  ]);
  return [...new Set(paths)].sort();
}

function gets(records: readonly Pick<AccessRecord, "method" | "path">[]): string[] {
  return records
    .filter(({ method, path }) => method === "GET" && path !== "/v2/")
    .map(({ path }) => path)
    .sort();
}

describeReal("content that several pulls want", ["docker-registry", "skopeo"], () => {
  let stage: Stage;
  const images: MadeImage[] = [];

  beforeAll(async () => {
    stage = await startStage();
    for (const [tag, layers] of Object.entries(RECIPES)) {
      const image = await writeImage(stage.layout, { layers });
      await stage.push(REPOSITORY, image.manifest, { tag });
      images.push(image);
    }
  });

  afterAll(() => stage.close());

  it(`is fetched once for ${PULLS} pulls at once in one process`, async () => {
    const [one, two] = images as [MadeImage, MadeImage];
    const root = await stage.newRoot();
    const before = (await stage.registry.accessLog()).length;
    await using distribution = await openDistribution({ root, registry: { plainHttp: true }, ranges: false });
    const names = Array.from({ length: PULLS }, (_, pull) =>
      stage.nameOf(REPOSITORY, pull % 2 === 0 ? "one" : "two"),
    );

    const results = await Promise.all(names.map((name) => distribution.pull(name)));

    expect(results.map(({ digest }) => digest)).toEqual(
      names.map((_, pull) => images[pull % 2]?.manifest.digest),
    );
    expect(gets((await stage.registry.accessLog()).slice(before))).toEqual(wantedPaths({ one, two }));
    await storedBlobs(root);
  });

  it("is fetched once for two processes on one root", async () => {
    const [image] = images as [MadeImage];
    const root = await stage.newRoot();
    await using proxy = await startCountingProxy(stage.registry.host);
    const manifest = `/v2/${REPOSITORY}/manifests/one`;
    const resolved = () => gets(proxy.records).filter((path) => path === manifest);
    // No byte of any blob before both processes are at work: then neither finds the other's work done.
    proxy.pace({ path: /blobs/, before: (_, signal) => until(() => resolved().length === 2, signal) });
    const args = ["pull", "-q", "--plain-http", "--no-ranges", "--root", root];
    const name = `${proxy.host}/${REPOSITORY}:one`;

    const printed = await Promise.all([1, 2].map(() => drayageOutput([...args, name])));

    expect(new Set(printed)).toEqual(new Set([`${name}@${image.manifest.digest}\n`]));
    expect(gets(proxy.records)).toEqual([...wantedPaths({ one: image }), manifest].sort()); // a tag may have moved in between
    await storedBlobs(root);
  });

  it("is not fetched again by a later pull of another platform", async () => {
    const platforms = await Promise.all(
      THREE_PLATFORMS.map((platform) =>
        writeImage(stage.layout, {
          platform,
          layers: [
            { bytes: 1_000, seed: "common" },
            { bytes: 1_000, seed: platform.architecture },
          ],
        }),
      ),
    );
    const index = await writeIndex(stage.layout, platforms);
    await stage.push(REPOSITORY, index, { tag: "index" });
    const byDigest = Object.fromEntries(platforms.map((image) => [image.manifest.digest, image]));
    const root = await stage.newRoot();
    const before = (await stage.registry.accessLog()).length;

    const args = ["pull", "-q", "--plain-http", "--root", root, stage.nameOf(REPOSITORY, "index")];
    await drayageOutput([...args, "--platform", "linux/arm64"]);
    await drayageOutput([...args, "--platform", "linux/arm/v7"]);
    await drayageOutput([...args, "--all-platforms"]);

    expect(gets((await stage.registry.accessLog()).slice(before))).toEqual(
      [`/v2/${REPOSITORY}/manifests/index`, ...wantedPaths(byDigest)].sort(),
    );
  });
});
