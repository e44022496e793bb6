import { describe, expect, it } from "vitest";
import { isNotFound } from "../../src/errors.ts";
import { filterPlatforms, limitManifests, skipNonDistributable } from "../../src/images/filters.ts";
import { ErrSkipDesc } from "../../src/images/handler.ts";
import { OCI_INDEX } from "../../src/oci/media-types.ts";
import { allPlatforms, only } from "../../src/platform/matcher.ts";
import { named, platform } from "./support.ts";

const index = named("index", { mediaType: OCI_INDEX });
const amd64 = named("amd64", { platform: platform("linux/amd64") });
const arm64 = named("arm64", { platform: platform("linux/arm64") });
const armV7 = named("arm/v7", { platform: platform("linux/arm/v7") });
const i386 = named("386", { platform: platform("linux/386") });
const bare = named("bare");
const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

describe("filterPlatforms()", () => {
  it("keeps what matches and what names no platform", async () => {
    const filtered = filterPlatforms(async () => [amd64, arm64, bare], only(platform("linux/amd64")));
    expect(await filtered(index, {})).toEqual([amd64, bare]);
  });
});

describe("limitManifests()", () => {
  const wantAmd64 = { matcher: only(platform("linux/amd64")), count: 1, wanted: "linux/amd64" };

  it("puts the best platform first and those without one last", async () => {
    const all = limitManifests(async () => [bare, i386, amd64], { ...wantAmd64, count: 0 });
    expect(await all(index, {})).toEqual([amd64, i386, bare]);
  });

  it("keeps as many as asked for", async () => {
    const one = limitManifests(async () => [i386, amd64], wantAmd64);
    expect(await one(index, {})).toEqual([amd64]);
  });

  it("leaves the order of the index where platforms are equal", async () => {
    const all = limitManifests(async () => [armV7, arm64, amd64], {
      matcher: allPlatforms,
      count: 0,
      wanted: "",
    });
    expect(await all(index, {})).toEqual([armV7, arm64, amd64]);
  });

  it("throws ErrNotFound naming the platform when nothing is left of an index", async () => {
    const none = limitManifests(async () => [], wantAmd64);
    const error = await none(index, {}).catch((cause: unknown) => cause);
    expect(isNotFound(error)).toBe(true);
    expect((error as Error).message).toBe(
      "no matching manifest for linux/amd64 in the manifest list entries",
    );
  });

  it("does not touch the children of a manifest", async () => {
    const through = limitManifests(async () => [], wantAmd64);
    expect(await through(named("manifest"), {})).toEqual([]);
  });
});

describe("skipNonDistributable()", () => {
  it("leaves such layers out", async () => {
    const skipping = skipNonDistributable(async () => [bare, named("foreign", { mediaType: foreign })]);
    expect(await skipping(named("manifest"), {})).toEqual([bare]);
  });

  it("skips such a descriptor itself", async () => {
    const skipping = skipNonDistributable(async () => []);
    await expect(skipping(named("foreign", { mediaType: foreign }), {})).rejects.toBe(ErrSkipDesc);
  });
});
