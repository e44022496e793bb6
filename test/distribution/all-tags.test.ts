import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DrayageError,
  ErrCanceled,
  ErrPermissionDenied,
  ErrUnavailable,
  ErrUnknown,
} from "../../src/errors.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { failureOf, namesOn, openEngine } from "./support/engine.ts";
import { type PushSite, pushSite } from "./support/push-site.ts";
import { asked, gets } from "./support/requests.ts";

const REPOSITORY = "team/app";
const ALWAYS = Number.POSITIVE_INFINITY;
const TAGS = ["v1", "v2", "v3"];

let registry: TestRegistry;
let images: BuiltImage[];
let name: string;

async function buildTags(at: TestRegistry): Promise<BuiltImage[]> {
  const built: BuiltImage[] = [];
  for (const [index, tag] of TAGS.entries()) {
    built.push(await buildImage(at, REPOSITORY, { tag, layers: [4_000 + index] }));
  }
  return built;
}

/** The layer of `v2`. */
function secondLayer(): string {
  const [, second] = images;
  if (!second) throw new TypeError("there is no second image");
  return layerOf(second).digest;
}

function breakSecond(at: TestRegistry): void {
  at.fault({ digest: secondLayer(), times: ALWAYS }, { status: 403 });
}

beforeEach(async () => {
  registry = await TestRegistry.start();
  images = await buildTags(registry);
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await registry.close();
});

describe("pull() of all tags of which one is broken", () => {
  it("brings the others, tells of each at once, and names the broken one", async () => {
    breakSecond(registry);
    await using engine = await openEngine();
    const told: string[] = [];
    engine.events.on("pull", (event) => told.push(event.name));

    const failure = (await failureOf(engine.pull(name, { allTags: true }))) as DrayageError;

    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(failure.message).toMatch(new RegExp(`^${name}:v2: .*`));
    expect(failure.message).not.toContain("\n");
    expect(failure.errors).toMatchObject([{ reference: `${name}:v2`, endpoint: registry.url }]);
    const done = [`${name}:v1`, `${name}:v3`];
    expect(failure.images?.map((image) => image.name)).toEqual(done);
    expect(told).toEqual(done);
    expect(await namesOn(engine.root)).toEqual(done);
  });

  it("takes the broken one from the next endpoint, and nothing else anew", async () => {
    await using mirror = await TestRegistry.start();
    await buildTags(mirror);
    breakSecond(mirror);
    const mirrors = { mirrors: { [registry.host]: [mirror.url] } };
    await using engine = await openEngine({ registry: mirrors });

    const result = await engine.pull(name, { allTags: true });

    expect(result.images).toMatchObject([
      { name: `${name}:v1`, updated: true, endpoint: mirror.url },
      { name: `${name}:v2`, updated: true, endpoint: registry.url },
      { name: `${name}:v3`, updated: true, endpoint: mirror.url },
    ]);
    expect(result.passedOver).toMatchObject([{ endpoint: mirror.url, error: { httpStatus: 403 } }]);
    expect(asked(registry)).toEqual(["GET manifest", "GET blob"]);
  });

  it("does not ask an endpoint again that is down", async () => {
    await using mirror = await TestRegistry.start();
    mirror.fault({ times: ALWAYS }, { status: 503 });
    const mirrors = { mirrors: { [registry.host]: [mirror.url] } };
    await using engine = await openEngine({ registry: mirrors });

    const result = await engine.pull(name, { allTags: true });

    expect(result.images).toHaveLength(TAGS.length);
    expect(asked(mirror)).toEqual(["GET tags"]);
  });
});

describe("pull() of all tags from a registry that goes down", () => {
  it("stops, and names what was not tried", async () => {
    await using engine = await openEngine();
    engine.events.once("pull", () => void registry.close());

    const failure = (await failureOf(engine.pull(name, { allTags: true }))) as DrayageError;

    expect(failure).toBeInstanceOf(ErrUnavailable);
    expect(failure.message.split("\n")).toEqual([
      expect.stringContaining(`${name}:v2: `),
      `not tried: ${name}:v3`,
    ]);
    expect(failure.notTried).toEqual([`${name}:v3`]);
    expect(failure.images?.map((image) => image.name)).toEqual([`${name}:v1`]);
  });

  it("goes on with the next tag as long as it answers anything", async () => {
    registry.fault({ reference: "v2", times: ALWAYS }, { status: 503 });
    await using engine = await openEngine();
    const failure = (await failureOf(engine.pull(name, { allTags: true }))) as DrayageError;
    expect(failure.images?.map((image) => image.name)).toEqual([`${name}:v1`, `${name}:v3`]);
    expect(failure.notTried).toBeUndefined();
  });
});

describe("pull() of all tags of which one is no tag", () => {
  const LISTED = { body: { tags: ["v1", "../\u001b[31mv2"] }, status: 200 } as const;

  it("says which, and who listed it", async () => {
    registry.fault({ kind: "tags" }, LISTED);
    await using engine = await openEngine();
    const failure = (await failureOf(engine.pull(name, { allTags: true }))) as DrayageError;
    expect(failure).toBeInstanceOf(ErrUnknown);
    expect(failure.message).toMatch(new RegExp(`^list tags of ${name}: got "\\.\\./.*v2", wanted a tag$`));
    expect(failure.message).not.toContain("\u001b");
    expect(failure.endpoint).toBe(registry.url);
  });

  it("takes the list of the next endpoint when a mirror's is that bad", async () => {
    await using mirror = await TestRegistry.start();
    mirror.fault({ kind: "tags" }, LISTED);
    await using engine = await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } });
    const { images: pulled } = await engine.pull(name, { allTags: true });
    expect(pulled.map((image) => image.name)).toEqual(TAGS.map((tag) => `${name}:${tag}`));
  });
});

describe("pull() of all tags that is stopped", () => {
  it("has told of what is there, and the error tells it too", async () => {
    registry.fault({ digest: secondLayer() }, { stall: true, afterBytes: 0 });
    await using engine = await openEngine();
    const told: string[] = [];
    engine.events.on("pull", (event) => told.push(event.name));
    const abort = new AbortController();
    const failure = failureOf(engine.pull(name, { allTags: true, signal: abort.signal }));
    await registry.waitFor(({ digest }) => digest === secondLayer());
    abort.abort();

    const error = (await failure) as DrayageError;
    expect(error).toBeInstanceOf(ErrCanceled);
    expect(error.images?.map((image) => image.name)).toEqual([`${name}:v1`]);
    expect(told).toEqual([`${name}:v1`]);
    expect(gets(registry, "v3")).toEqual([]);
  });
});

describe("push() of all tags of which one is refused", () => {
  let site: PushSite;

  beforeEach(async () => {
    site = await pushSite();
  });

  afterEach(async () => {
    await site[Symbol.asyncDispose]();
  });

  it("brings the others, tells of each at once, and names the refused one", async () => {
    for (const tag of TAGS) await site.pulled({ tag, layers: [1_000] });
    site.target.fault({ method: "PUT", reference: "v2", times: ALWAYS }, { status: 403 });
    const told: string[] = [];
    site.engine.events.on("push", (event) => told.push(event.name));

    const push = site.engine.push(site.from, { target: site.to, allTags: true });
    const failure = (await failureOf(push)) as DrayageError;

    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(failure.message).toMatch(new RegExp(`^${site.to}:v2: `));
    const done = [`${site.to}:v1`, `${site.to}:v3`];
    expect(failure.images?.map((image) => image.name)).toEqual(done);
    expect(told).toEqual(done);
    expect(site.target.tags(REPOSITORY)).toEqual(["v1", "v3"]);
  });
});
