import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shortId } from "../../src/digest/digest.ts";
import { ErrFailedPrecondition, isCanceled } from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { gets } from "./support/requests.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";
import { wantBlobs, wantLayer } from "./support/wants.ts";

const REPOSITORY = "team/app";
const ALWAYS = Number.POSITIVE_INFINITY;
const ATTEMPTS = 5;

let broken: TestRegistry;
let healthy: TestRegistry;
let layer: Descriptor;
let at: (registry: TestRegistry) => string;

beforeEach(async () => {
  [broken, healthy] = await Promise.all([TestRegistry.start(), TestRegistry.start()]);
  for (const place of [broken, healthy]) {
    layer = layerOf(await buildImage(place, REPOSITORY, { tag: "v1", layers: [5_000] }));
  }
  at = ({ host }) => `${host}/${REPOSITORY}:v1`;
});

afterEach(() => Promise.all([broken.close(), healthy.close()]));

describe("pulls that share a layer", () => {
  it("ask a broken registry as often together as one does alone", async () => {
    await using engine = await openEngine();
    const together = Promise.withResolvers<void>();
    broken.fault({ digest: layer.digest, times: ALWAYS }, { hold: together.promise, status: 503 });
    const logs = Array.from({ length: 10 }, () => statusLog());
    const pulls = logs.map(({ sink }) => failureOf(engine.pull(at(broken), { onProgress: sink })));
    await wantLayer(layer, ...logs); // whoever came after the failure would ask for himself
    together.resolve();
    expect(new Set((await Promise.all(pulls)).map(({ name }) => name))).toEqual(new Set(["ErrUnavailable"]));
    expect(gets(broken, layer.digest)).toHaveLength(ATTEMPTS);
  });

  it("do not wait for a registry that others back off from", async () => {
    await using engine = await openEngine({ backoff: { baseMs: 60_000, maxMs: 60_000, random: () => 1 } });
    broken.fault({ digest: layer.digest, times: ALWAYS }, { status: 503 });
    const log = statusLog();
    const others = Array.from({ length: 10 }, () => engine.pull(at(broken), { onProgress: log.sink }));
    await until(() => log.actions(shortId(layer.digest)).includes("Retrying in 60 seconds"));

    await expect(engine.pull(at(healthy))).resolves.toMatchObject({ endpoint: healthy.url });

    await Promise.all(others); // they have it as well now, from whom it could be had
    expect(gets(broken, layer.digest)).toHaveLength(1);
  });

  it("do not wait for a registry that does not answer", async () => {
    await using engine = await openEngine();
    const never = Promise.withResolvers<void>();
    broken.fault({ digest: layer.digest }, { hold: never.promise });
    const other = engine.pull(at(broken));
    await broken.waitFor(({ digest }) => digest === layer.digest);
    await expect(engine.pull(at(healthy))).resolves.toMatchObject({ endpoint: healthy.url });
    await other;
    never.resolve();
  });

  it("do not wait for another one's credentials, whatever that one holds", async () => {
    const never = Promise.withResolvers<undefined>();
    await using engine = await openEngine({
      credentials: (host) => (host === broken.host ? never.promise : Promise.resolve(undefined)),
    });
    const challenge = { "www-authenticate": 'Basic realm="yard"' };
    broken.fault({ digest: layer.digest, times: ALWAYS }, { status: 401, headers: challenge });
    const log = statusLog({ slowAnswers: true });
    const leader = engine.pull(at(broken), { onProgress: log.sink });
    await until(() =>
      log.actions(shortId(layer.digest)).includes(`Waiting for credentials for ${broken.host}`),
    );
    await expect(engine.pull(at(healthy))).resolves.toMatchObject({ endpoint: healthy.url });
    await leader; // it has the layer as well now
    never.resolve(undefined);
  });

  it("do not fail of another one's credentials", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using engine = await openEngine({
      async credentials(host) {
        if (host !== broken.host) return undefined;
        asked.resolve();
        await answer.promise;
        throw new ErrFailedPrecondition("credential helper: exit status 1");
      },
    });
    const challenge = { "www-authenticate": 'Basic realm="yard"' };
    broken.fault({ digest: layer.digest, times: ALWAYS }, { status: 401, headers: challenge });
    const leader = failureOf(engine.pull(at(broken)));
    await asked.promise;
    const joiner = engine.pull(at(healthy));
    await healthy.waitFor(({ digest }) => digest !== layer.digest, { finished: true });
    answer.resolve();
    await expect(joiner).resolves.toMatchObject({ endpoint: healthy.url });
    await leader;
  });
});

describe("pulls of several repositories that share a layer", () => {
  it("leave all of them on its label", async () => {
    await using engine = await openEngine();
    const repositories = ["team/a", "team/b", "team/c", "team/d"];
    for (const repository of repositories) {
      await buildImage(healthy, repository, { tag: "v1", layers: [5_000] });
    }
    await Promise.all(repositories.map((repository) => engine.pull(`${healthy.host}/${repository}:v1`)));
    const { labels } = await engine.content.info(layer.digest);
    expect(Object.values(labels)).toEqual([repositories.join(",")]);
  });
});

describe("pushes that share a blob", () => {
  let engine: Engine;

  beforeEach(async () => {
    engine = await openEngine({ backoff: { baseMs: 1, random: () => 0 } });
    await engine.pull(at(healthy));
  });

  afterEach(() => engine[Symbol.asyncDispose]());

  it("ask a broken registry as often together as one does alone", async () => {
    const together = Promise.withResolvers<void>();
    const failing = { hold: together.promise, status: 503 };
    broken.fault({ method: "HEAD", digest: layer.digest, times: ALWAYS }, failing);
    broken.fault({ method: "POST", times: ALWAYS }, failing);
    const target = `${broken.host}/team/target:v1`;
    const logs = Array.from({ length: 10 }, () => statusLog());
    const pushes = logs.map(({ sink }) => failureOf(engine.push(at(healthy), { target, onProgress: sink })));
    await wantBlobs(...logs);
    together.resolve();
    await Promise.all(pushes);
    const heads = broken.requests.filter(
      ({ method, digest }) => method === "HEAD" && digest === layer.digest,
    );
    expect(heads.length).toBeLessThanOrEqual(ATTEMPTS);
  });

  it("do not wait while another one backs off with other credentials", async () => {
    await using patient = await openEngine({
      root: engine.root,
      backoff: { baseMs: 60_000, maxMs: 60_000, random: () => 1 },
    });
    broken.fault(
      { times: ALWAYS, when: ({ headers }) => headers["x-meta-who"] === "blocked" },
      { status: 503 },
    );
    const target = `${broken.host}/team/target:v1`;
    const log = statusLog();
    const abort = new AbortController();
    const blocked = patient
      .push(at(healthy), {
        target,
        metaHeaders: { "X-Meta-Who": "blocked" },
        onProgress: log.sink,
        signal: abort.signal,
      })
      .catch((error: unknown) => error);
    await until(() => log.lines().some((line) => line.includes("Retrying in")));
    await expect(patient.push(at(healthy), { target })).resolves.toMatchObject({ endpoint: broken.url });
    abort.abort();
    expect(isCanceled(await blocked)).toBe(true);
  });
});
