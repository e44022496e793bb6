import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrNotFound } from "../../src/errors.ts";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let engine: Engine;
let image: BuiltImage;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [5_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

describe("tag()", () => {
  it("gives an image another name, and tells", async () => {
    await engine.pull(name);
    const seen: unknown[] = [];
    engine.events.on("tag", (event) => seen.push(event));
    const tagged = await engine.tag(name, "copy");
    expect(tagged.name).toBe("docker.io/library/copy:latest");
    expect(tagged.target.digest).toBe(image.descriptor.digest);
    const { target } = tagged;
    expect(seen).toEqual([
      { name: tagged.name, digest: target.digest, target, previous: undefined, cause: "tag" },
    ]);
    await engine.remove(name);
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });

  it("makes no name without content beside a removal", async () => {
    for (let round = 0; round < 10; round++) {
      await engine.pull(name);
      const [tagged] = await Promise.allSettled([engine.tag(name, "copy:v1"), engine.remove(name)]);
      const isTagged = tagged.status === "fulfilled";
      expect(await namesOn(engine.root)).toEqual(isTagged ? ["docker.io/library/copy:v1"] : []);
      expect(await blobsOn(engine.root)).toHaveLength(isTagged ? 3 : 0);
      if (isTagged) await engine.remove("copy:v1");
    }
  });

  it("refuses a name that is not here", async () => {
    expect((await failureOf(engine.tag("missing", "copy"))).message).toBe(
      "image docker.io/library/missing:latest: not found",
    );
  });

  it("tells the cause that the store of names is given, and takes no other than there are", async () => {
    await engine.pull(name);
    const { target } = await engine.images.get(name);
    const causes: string[] = [];
    engine.events.on("tag", ({ cause }) => causes.push(cause));
    await engine.images.tag("copy", target, { cause: "import" });
    expect(causes).toEqual(["import"]);
    const failure = await failureOf(engine.images.tag("copy", target, { cause: "magic" as "import" }));
    expect(failure.message).toContain('tag image: option "cause": got a string, wanted one of pull, push');
  });

  it("refuses content that is not here, by the store of names too", async () => {
    const failure = await failureOf(engine.images.tag("copy", image.descriptor));
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toBe(`tag copy: content ${image.descriptor.digest} is not here`);
    await engine.pull(name);
    const { digest } = layerOf(image);
    await engine.withLease(async () => {
      await Object.assign(engine.content).delete(digest, { force: true });
      expect((await failureOf(engine.tag(name, "copy"))).message).toContain(`content ${digest} is not here`);
    });
    expect(await namesOn(engine.root)).toEqual([name]);
  });

  it("takes an index of which one platform is here", async () => {
    const other = await buildImage(registry, REPOSITORY, {
      layers: [6_000],
      platform: { os: "linux", architecture: "arm64" },
    });
    buildIndex(registry, REPOSITORY, { tag: "all", images: [other, image] });
    const all = `${registry.host}/${REPOSITORY}:all`;
    await engine.pull(all, { platform: "linux/amd64" });
    await engine.tag(all, "copy");
    expect(await namesOn(engine.root)).toHaveLength(2);
  });
});
