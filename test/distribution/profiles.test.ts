import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrNotFound, ErrNotImplemented, ErrPermissionDenied } from "../../src/errors.ts";
import { type BuiltImage, buildImage, PROFILE_NAMES, profileOf, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { EMPTY, putManifest } from "./support/documents.ts";
import { failureOf } from "./support/engine.ts";
import { APP, LARGE_BYTES, profileSite } from "./support/profile-site.ts";
import { PROFILE_ROWS } from "./support/profile-table.ts";

const ANY = { allPlatforms: true };
const SIGNATURE = "application/vnd.example.signature";

/** Longest time for everything that is done with one product, in milliseconds: 66 MiB go through two hashes. */
const TIMEOUT_MS = 60_000;

/** More tags than any product lists on one page. */
const TAGS = 1_100;

/** Has a large image. */
let elsewhere: TestRegistry;
let large: string;
let largeImage: BuiltImage;

beforeAll(async () => {
  elsewhere = await TestRegistry.start();
  largeImage = await buildImage(elsewhere, APP, { tag: "large", layers: [LARGE_BYTES] });
  large = `localhost:${new URL(elsewhere.url).port}/${APP}:large`;
}, TIMEOUT_MS);

afterAll(() => elsewhere.close());

const cases = PROFILE_NAMES.flatMap((profile) => [
  [profile, "a public", { account: false }] as const,
  [profile, "a private", { account: true }] as const,
]);

describe.each(cases)("%s with %s repository", (profile, _, access) => {
  const row = PROFILE_ROWS[profile];

  it("is pulled from, with no more requests than the table says", async () => {
    await using site = await profileSite(profile, access);
    const { engine, registry, image, index, named } = site;
    const pulled = await engine.pull(`${named(APP)}:v1`, { platform: "linux/amd64" });
    expect(pulled.digest).toBe(image.descriptor.digest);
    expect(registry.requests.map(({ method, kind, status }) => `${method} ${kind} ${status}`)).toHaveLength(
      row.pull,
    );
    expect(row.pull).toBeLessThanOrEqual(row.crane ?? row.pull);
    const again = await engine.pull(`${named(APP)}:v1`, { platform: "linux/amd64" });
    expect([again.images[0]?.updated, registry.requests.length]).toEqual([false, row.pull + 1]);
    expect((await engine.pull(`${named(APP)}:multi`, ANY)).digest).toBe(index.digest);
  });

  it("is pulled from by digest, with as many", async () => {
    await using site = await profileSite(profile, access);
    const { engine, registry, image, named } = site;
    await engine.pull(`${named(APP)}@${image.descriptor.digest}`, { platform: "linux/amd64" });
    expect(registry.requests).toHaveLength(row.pull);
  });

  it("goes on in the middle of a layer", async () => {
    await using site = await profileSite(profile, access);
    const { engine, registry, image, named } = site;
    const { links } = profileOf(profile).habits.pull ?? {};
    const digest = layerOf(image).digest;
    const fault = registry.fault(
      { kind: links ? "storage" : "blob", method: "GET", digest },
      { truncate: 1_000 },
    );
    await engine.pull(`${named(APP)}:v1`, { platform: "linux/amd64" });
    expect(fault.hits).toBe(1);
  });

  it("lists its tags", async () => {
    await using site = await profileSite(profile, access);
    for (let at = 0; at < TAGS; at++) site.registry.putManifest(APP, `t${at}`, "{}", "application/json");
    if (row.hidesTags) expect(await failureOf(site.tags())).toBeInstanceOf(ErrNotFound);
    else expect((await site.tags()).length).toBe(TAGS + 2);
  });

  it.skipIf(row.isReadOnly !== true)("says that it takes nothing", async () => {
    await using site = await profileSite(profile, access);
    const { engine, named } = site;
    await engine.pull(`${named(APP)}:v1`);
    const pushed = engine.push(`${named(APP)}:v1`, { target: `${named("team/new")}:v1` });
    expect(await failureOf(pushed)).toBeInstanceOf(ErrNotImplemented);
  });

  it.skipIf(row.isReadOnly === true)(
    "is pushed to: an image, an index, mounts where it has them",
    async () => {
      await using site = await profileSite(profile, access);
      const { engine, registry, image, index, named } = site;
      registry.addRepository("team/new");
      for (const tag of ["v1", "multi"]) {
        await engine.pull(`${named(APP)}:${tag}`, ANY);
        await engine.push(`${named(APP)}:${tag}`, { target: `${named("team/new")}:${tag}` });
      }
      expect(registry.manifest("team/new", "v1")?.digest).toBe(image.descriptor.digest);
      expect(registry.manifest("team/new", "multi")?.digest).toBe(index.digest);
      expect(registry.blobs("team/new").toSorted()).toEqual(registry.blobs(APP).toSorted());
      expect(registry.uploads("team/new")).toEqual([]);
    },
  );

  it.skipIf(row.isReadOnly === true || !access.account)(
    "gets a large layer, and no byte of it twice",
    { timeout: TIMEOUT_MS },
    async () => {
      await using site = await profileSite(profile, access);
      const { engine, registry, named } = site;
      registry.addRepository("team/large");
      await engine.pull(large);
      await engine.push(large, { target: `${named("team/large")}:v1` });
      expect(registry.manifest("team/large", "v1")?.digest).toBe(largeImage.descriptor.digest);
      const sent = registry.requests.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
      expect(sent).toBeLessThan(LARGE_BYTES * 1.01);
    },
  );

  it.skipIf(row.isReadOnly === true)("keeps what refers to an image", async () => {
    await using site = await profileSite(profile, access);
    const { engine, registry, image, named } = site;
    const { mediaType, digest, size } = image.descriptor;
    registry.addRepository("team/new");
    await registry.putBlob(APP, Buffer.from("{}"));
    const subject = { mediaType, digest, size };
    putManifest(
      registry,
      { repository: APP, tag: "sig" },
      { artifactType: SIGNATURE, config: EMPTY, layers: [EMPTY], subject },
    );
    for (const tag of ["v1", "sig"]) await engine.pull(`${named(APP)}:${tag}`, ANY);
    await engine.push(`${named(APP)}:v1`, { target: `${named("team/new")}:v1` });
    const pushed = engine.push(`${named(APP)}:sig`, { target: `${named("team/new")}:sig` });
    if (row.refusesEmptyConfig) {
      expect(await failureOf(pushed)).toBeInstanceOf(ErrPermissionDenied);
      return;
    }
    await pushed;
    const listed = await site.referrers("team/new", digest);
    expect(listed.map(({ artifactType }) => artifactType)).toEqual([SIGNATURE]);
  });
});
