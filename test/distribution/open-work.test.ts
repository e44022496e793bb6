import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrFailedPrecondition } from "../../src/errors.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, failureOf, hasOnDisk, namesOn, openEngine } from "./support/engine.ts";

const REPOSITORY = "team/app";

let registry: TestRegistry;
let engine: Engine;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

describe("close()", () => {
  it("waits for the pulls under way and refuses new work", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v1", layers: [50_000] });
    const go = Promise.withResolvers<void>();
    registry.fault({ kind: "blob", times: 3 }, { hold: go.promise });
    const pulled = engine.pull(`${name}:v1`);
    await registry.waitFor(({ kind }) => kind === "blob");

    const closed = engine.close();
    const refused = [engine.pull(`${name}:v1`), engine.remove(`${name}:v1`)].map(failureOf);
    for (const failure of await Promise.all(refused)) {
      expect(failure).toBeInstanceOf(ErrFailedPrecondition);
      expect(failure.message).toBe("start operation: the distribution is closed");
    }
    go.resolve();

    await expect(pulled).resolves.toMatchObject({ reference: `${name}:v1` });
    await closed;
    await engine.close();
    expect(await namesOn(engine.root)).toEqual([`${name}:v1`]);
  });

  it("waits for a pull that fails as well, and closes its connections", async () => {
    registry.fault({ method: "HEAD" }, { status: 401 });
    const pulled = failureOf(engine.pull(`${name}:v1`));
    await engine.close();
    expect(await pulled).not.toBeInstanceOf(ErrFailedPrecondition);
  });

  it("waits for what a cancelled pull leaves behind, and for its connections", async () => {
    const layer = layerOf(await buildImage(registry, REPOSITORY, { tag: "v1", layers: [300_000] }));
    registry.fault({ digest: layer.digest }, { stall: true, afterBytes: 100_000 });
    const abort = new AbortController();
    const pulled = failureOf(engine.pull(`${name}:v1`, { signal: abort.signal }));
    await hasOnDisk(engine, layer, 100_000);

    abort.abort();
    expect(await pulled).toBeInstanceOf(ErrCanceled);
    await engine.close();

    expect(await readdir(join(engine.root, "locks"))).toEqual(["in-use", "index"]);
    await registry.waitFor(({ digest }) => digest === layer.digest, { finished: true });
  });
});
