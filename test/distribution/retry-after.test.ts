import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shortId } from "../../src/digest/digest.ts";
import { ErrCanceled } from "../../src/errors.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { digestsOf } from "./support/built-image.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { expectEachOnce, gets } from "./support/requests.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";

/** Longer than any test takes, and short enough to be waited out by policy. */
const BUSY = { status: 429, headers: { "retry-after": "100" } } as const;
const REPOSITORY = "team/app";

let busy: TestRegistry;
let healthy: TestRegistry;
let engine: Engine;

beforeEach(async () => {
  [busy, healthy] = await Promise.all([TestRegistry.start(), TestRegistry.start()]);
  engine = await openEngine({ maxConcurrentDownloads: 1, maxConcurrentUploads: 1 });
});

afterEach(async () => {
  await Promise.all([busy.close(), healthy.close()]);
  await engine[Symbol.asyncDispose]();
});

const isPaused = (action: string | undefined): boolean => /^Retrying in \d+ seconds$/.test(action ?? "");

describe("a registry that asks to be left alone", () => {
  it("keeps no slot from pulls of other registries, and all its waiting pulls say so", async () => {
    const image = await buildImage(busy, REPOSITORY, { tag: "v1", layers: [1_000, 2_000, 3_000] });
    await buildImage(healthy, REPOSITORY, { tag: "v1", layers: [4_000] });
    const digests = image.layers.map(({ descriptor }) => descriptor.digest);
    busy.fault({ kind: "blob", when: ({ digest }) => digest !== image.config.digest }, BUSY);
    const abort = new AbortController();
    const log = statusLog();
    const waiting = failureOf(
      engine.pull(`${busy.host}/${REPOSITORY}:v1`, { signal: abort.signal, onProgress: log.sink }),
    );
    await until(() => digests.every((digest) => isPaused(log.actions(shortId(digest)).at(-1))));

    await engine.pull(`${healthy.host}/${REPOSITORY}:v1`);

    expect(digests.flatMap((digest) => gets(busy, digest))).toHaveLength(1);
    abort.abort();
    expect(await waiting).toBeInstanceOf(ErrCanceled);
  });

  it("keeps no slot from pushes to other registries", async () => {
    await buildImage(healthy, REPOSITORY, { tag: "v1", layers: [1_000, 2_000] });
    await engine.pull(`${healthy.host}/${REPOSITORY}:v1`);
    busy.fault({ method: "HEAD", kind: "blob" }, BUSY);
    const abort = new AbortController();
    const log = statusLog();
    const waiting = failureOf(
      engine.push(`${healthy.host}/${REPOSITORY}:v1`, {
        target: `${busy.host}/${REPOSITORY}:v1`,
        signal: abort.signal,
        onProgress: log.sink,
      }),
    );
    await until(() => log.lines().some((line) => line.includes(": Retrying in")));

    await engine.push(`${healthy.host}/${REPOSITORY}:v1`, { target: `${healthy.host}/team/other:v1` });

    abort.abort();
    expect(await waiting).toBeInstanceOf(ErrCanceled);
  });
});

describe("a mirror that asks to be left alone", () => {
  it.each(["manifest", "blob"] as const)("is passed over at once when it says so for a %s", async (kind) => {
    const [mirror, registry] = [busy, healthy];
    for (const place of [mirror, registry]) {
      await buildImage(place, REPOSITORY, { tag: "v1", layers: [1_000, 2_000] });
    }
    mirror.fault({ kind, times: Number.POSITIVE_INFINITY }, { ...BUSY, status: 503 });
    await using mirrored = await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } });

    const pulls = await Promise.all([1, 2].map(() => mirrored.pull(`${registry.host}/${REPOSITORY}:v1`)));

    expect(pulls.map(({ endpoint }) => endpoint)).toEqual([registry.url, registry.url]);
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [1_000, 2_000] });
    if (kind === "manifest") expectEachOnce(registry, digestsOf(image));
    const seen = mirror.requests.length;
    await mirrored.pull(`${registry.host}/${REPOSITORY}:v1`);
    expect(mirror.requests).toHaveLength(seen);
  });
});
