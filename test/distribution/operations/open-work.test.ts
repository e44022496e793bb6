import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shortId } from "../../../src/digest/digest.ts";
import { ErrCanceled, ErrFailedPrecondition } from "../../../src/errors.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { layerOf } from "../support/built-image.ts";
import { type Engine, failureOf, hasOnDisk, namesOn, openEngine } from "../support/engine.ts";
import { statusLog } from "../support/status-lines.ts";
import { until } from "../support/until.ts";

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

    expect(await readdir(join(engine.root, "locks"))).toEqual(["in-use", "index", "reserve"]);
    await registry.waitFor(({ digest }) => digest === layer.digest, { finished: true });
  });

  it("waits for calls of the image store, and refuses later ones", async () => {
    const { images } = engine;
    const listed = images.list();
    await engine.close();
    await expect(listed).resolves.toEqual([]);
    for (const call of [images.list(), images.roots(), images.get("a"), images.untag("a")]) {
      await expect(call).rejects.toThrow("start operation: the distribution is closed");
    }
  });

  it("aborts what still runs when its signal fires", async () => {
    const pulled = await pausedPull();
    await engine.close({ signal: AbortSignal.abort("shutting down") });
    expect(await pulled()).toBeInstanceOf(ErrCanceled);
  });
});

describe("abort()", () => {
  it("ends every operation at once, with the reason as the cause", async () => {
    const pulled = await pausedPull();
    engine.abort("maintenance");
    expect(await pulled()).toMatchObject({
      code: "ERR_CANCELED",
      message: "distribution aborted",
      cause: "maintenance",
    });
  });

  it("lets new work begin", async () => {
    await buildImage(registry, REPOSITORY, { tag: "v2", layers: [100] });
    engine.abort();
    await expect(engine.pull(`${name}:v2`)).resolves.toMatchObject({ reference: `${name}:v2` });
  });
});

/** A pull that waits for minutes, once it does; gives its failure. */
async function pausedPull(): Promise<() => Promise<Error>> {
  const layer = layerOf(await buildImage(registry, REPOSITORY, { tag: "v1", layers: [1_000] }));
  registry.fault({ digest: layer.digest }, { status: 503, headers: { "retry-after": "100" } });
  const log = statusLog();
  const pulled = failureOf(engine.pull(`${name}:v1`, { onProgress: log.sink }));
  await until(() => log.actions(shortId(layer.digest)).some((action) => action.startsWith("Retrying")));
  return () => pulled;
}
