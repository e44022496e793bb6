import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrPermissionDenied } from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import type { PushOptions, PushResult } from "../../src/index.ts";
import { type BuiltImage, buildImage } from "../../src/testing.ts";
import { layerIdOf, layerOf } from "./support/built-image.ts";
import { failureOf } from "./support/engine.ts";
import { finishing, type PushSite, pushSite, REPOSITORY } from "./support/push-site.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";
import { wantBlobs } from "./support/wants.ts";

const ALWAYS = Number.POSITIVE_INFINITY;

let site: PushSite;

beforeEach(async () => {
  site = await pushSite();
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

/** Pulls images `v0`, `v1`, ... that share their lowest layer. */
async function pulledImages(count: number): Promise<readonly BuiltImage[]> {
  const tags = Array.from({ length: count }, (_, at) => `v${at}`);
  return await Promise.all(
    tags.map((tag) => site.pulled({ tag, layers: [5_000, Buffer.alloc(9_000, tag)] })),
  );
}

type Pushed = Omit<PushOptions, "target"> & { readonly repository?: string };

function push(tag: string, { repository = REPOSITORY, ...options }: Pushed = {}): Promise<PushResult> {
  const target = `${site.target.host}/${repository}:${tag}`;
  return site.engine.push(`${site.from}:${tag}`, { ...options, target });
}

/** Holds the end of a blob's upload until `release`; `started` says that it came so far. */
function hold({ digest }: Descriptor) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const put = { kind: "upload", method: "PUT", digest } as const;
  site.target.fault(put, { hold: promise });
  const started = site.target.waitFor(({ method, digest: of }) => method === "PUT" && of === digest);
  return { started, release: resolve };
}

function finishedPerBlob(repository: string): Readonly<Record<Digest, number>> {
  const counts: Record<Digest, number> = {};
  for (const { kind, method, digest, repository: at } of site.target.requests) {
    if (kind !== "upload" || method !== "PUT" || at !== repository || !digest) continue;
    counts[digest] = (counts[digest] ?? 0) + 1;
  }
  return counts;
}

describe("twenty pushes at once", () => {
  it("send each blob once, and all make their tags", async () => {
    const images = await pulledImages(20);
    const logs = images.map(() => statusLog());

    await Promise.all(images.map((_, at) => push(`v${at}`, { onProgress: logs[at]?.sink })));

    const sent = finishedPerBlob(REPOSITORY);
    expect(new Set(Object.values(sent))).toEqual(new Set([1]));
    expect(Object.keys(sent)).toHaveLength(1 + 2 * 20); // the shared layer, and two blobs of each image
    expect(site.target.tags(REPOSITORY)).toHaveLength(20);
    for (const [at, image] of images.entries()) {
      const last = logs[at]?.actions(layerIdOf(image)).at(-1);
      expect(["Pushed", "Layer already exists"]).toContain(last);
    }
  });

  it("to two repositories bring each blob to both, and send none twice", async () => {
    const images = await pulledImages(4);
    const repositories = [REPOSITORY, "team/other"];
    const tags = images.map((_, at) => `v${at}`);
    await Promise.all(repositories.flatMap((repository) => tags.map((tag) => push(tag, { repository }))));
    for (const repository of repositories) {
      expect(site.target.tags(repository)).toEqual(tags);
      expect(site.target.blobs(repository)).toHaveLength(1 + 2 * 4);
      expect(site.target.uploads(repository)).toEqual([]);
      const sent = Object.values(finishedPerBlob(repository)); // what one has, the other may have mounted
      expect(Math.max(0, ...sent)).toBeLessThanOrEqual(1);
    }
  });
});

describe("leaving a shared push", () => {
  it.each([
    ["the first", 0],
    ["the second", 1],
  ])("never disturbs the others when %s leaves", async (_, leaver) => {
    const [image] = await pulledImages(2);
    if (!image) throw new TypeError("no image");
    const layer = layerOf(image);
    const { started, release } = hold(layer);
    const aborts = [new AbortController(), new AbortController()];
    const logs = aborts.map(() => statusLog());
    const pushes: Promise<unknown>[] = [];
    for (const [at, { signal }] of aborts.entries()) {
      pushes.push(push(`v${at}`, { signal, onProgress: logs[at]?.sink }).catch((error: unknown) => error));
      await started;
    }
    await wantBlobs(...logs);

    aborts[leaver]?.abort();
    expect(await pushes[leaver]).toBeInstanceOf(ErrCanceled);
    release();

    await expect(pushes[1 - leaver]).resolves.toMatchObject({ endpoint: site.target.url });
    expect(finishing(site.target, layer)).toHaveLength(1);
    expect(site.target.tags(REPOSITORY)).toEqual([`v${1 - leaver}`]);
  });

  it("ends the request when the last one leaves", async () => {
    const [image] = await pulledImages(1);
    if (!image) throw new TypeError("no image");
    const layer = layerOf(image);
    const { started } = hold(layer);
    const abort = new AbortController();
    const failure = failureOf(push("v0", { signal: abort.signal }));
    await started;
    abort.abort();
    expect(await failure).toBeInstanceOf(ErrCanceled);
    await until(() => finishing(site.target, layer)[0]?.state === "aborted");
    await push("v0");
    expect(site.target.tags(REPOSITORY)).toEqual(["v0"]);
  });
});

describe("joining a push that is refused", () => {
  it("goes on by itself", async () => {
    const [image] = await pulledImages(2);
    if (!image) throw new TypeError("no image");
    const layer = layerOf(image);
    const answer = Promise.withResolvers<void>();
    site.target.fault(
      {
        kind: "upload",
        times: ALWAYS,
        digest: layer.digest,
        when: ({ headers }) => headers["x-meta-who"] === "leader",
      },
      { hold: answer.promise, status: 403 },
    );
    const leader = failureOf(push("v0", { metaHeaders: { "X-Meta-Who": "leader" } }));
    await site.target.waitFor(({ method, digest }) => method === "PUT" && digest === layer.digest);
    const log = statusLog();
    const joiner = push("v1", { onProgress: log.sink });
    await wantBlobs(log);
    answer.resolve();
    expect(await leader).toBeInstanceOf(ErrPermissionDenied);
    await joiner;
    expect(finishing(site.target, layer).map(({ status }) => status)).toEqual([403, 201]);
    expect(site.target.tags(REPOSITORY)).toEqual(["v1"]);
  });
});

/** Pulls an image of many layers whose uploads are all held; `started` counts them. */
async function heldUploads() {
  const release = Promise.withResolvers<void>();
  const layers = Array.from({ length: 6 }, (_, at) => Buffer.alloc(3_000, `${at}`));
  await buildImage(site.source, REPOSITORY, { tag: "many", layers });
  await site.engine.pull(`${site.from}:many`);
  site.target.fault({ kind: "upload", method: "PUT", times: ALWAYS }, { hold: release.promise });
  const started = (): number =>
    site.target.requests.filter(({ kind, method }) => kind === "upload" && method === "PUT").length;
  return { started, release: release.resolve };
}

describe("setConcurrency()", () => {
  it("of uploads takes effect at once, both ways", async () => {
    const { started, release } = await heldUploads();
    site.engine.setConcurrency({ uploads: 1 });
    const log = statusLog();
    const pushed = push("many", { onProgress: log.sink });
    await until(() => log.lines().filter((line) => line.endsWith(": Waiting")).length === 6);
    await until(() => started() === 1);

    site.engine.setConcurrency({ uploads: 3 });
    await until(() => started() === 3);
    site.engine.setConcurrency({ uploads: 1 });
    expect(started()).toBe(3);

    release();
    await pushed;
    expect(site.target.tags(REPOSITORY)).toEqual(["many"]);
  });
});
