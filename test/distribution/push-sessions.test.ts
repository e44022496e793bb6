import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrPermissionDenied } from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import type { PushOptions, PushResult } from "../../src/index.ts";
import { buildImage, type FaultAction, type RequestRecord } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { failureOf } from "./support/engine.ts";
import { memoryLogger } from "./support/memory-logger.ts";
import { type PushSite, pushSite, REPOSITORY } from "./support/push-site.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";

const ALWAYS = Number.POSITIVE_INFINITY;

let site: PushSite;
let logger: ReturnType<typeof memoryLogger>;

beforeEach(async () => {
  logger = memoryLogger();
  site = await pushSite({ engine: { logger } });
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

type Pushed = Omit<PushOptions, "target"> & { readonly tag?: string };

function push({ tag = "v1", ...options }: Pushed = {}): Promise<PushResult> {
  return site.engine.push(`${site.from}:${tag}`, { ...options, target: `${site.to}:${tag}` });
}

/** Pulls an image of one layer and scripts the end of the layer's upload, which comes when the config is there. */
async function pulledWithFault(
  action: FaultAction,
  { times = ALWAYS, bytes = 5_000 } = {},
): Promise<Descriptor> {
  const image = await site.pulled({ layers: [bytes] });
  const { digest } = layerOf(image);
  const others = site.target.waitFor((request) => isEndOf(request, image.config), { finished: true });
  const hold = Promise.all([others, action.hold]);
  site.target.fault({ kind: "upload", method: "PUT", digest, times }, { ...action, hold });
  return layerOf(image);
}

function isEndOf({ method, digest }: RequestRecord, blob: Descriptor): boolean {
  return method === "PUT" && digest === blob.digest;
}

/** Answers to the requests that gave up sessions of these blobs, once nothing is under way any more. */
async function givenUp(...blobs: readonly Descriptor[]): Promise<readonly unknown[]> {
  await site.engine.close();
  const { requests } = site.target;
  const sessions = blobs.flatMap((blob) =>
    requests.filter((request) => isEndOf(request, blob)).map(({ reference }) => reference),
  );
  return requests
    .filter(({ method, reference }) => method === "DELETE" && sessions.includes(reference))
    .map(({ status }) => status);
}

describe("the upload session of a push that fails for good", () => {
  it("is given up", async () => {
    const layer = await pulledWithFault({ status: 403 });
    expect(await failureOf(push())).toBeInstanceOf(ErrPermissionDenied);
    expect(await givenUp(layer)).toEqual([204]);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
    expect(logger.warnings()).toEqual([]);
  });

  it("is given up for all blobs that were under way", async () => {
    const { config, layers } = await site.pulled({ layers: [5_000, 6_000] });
    const [held, refused] = layers.map(({ descriptor }) => descriptor);
    if (!held || !refused) throw new TypeError("two layers are missing");
    const put = { kind: "upload", method: "PUT" } as const;
    const started = site.target.waitFor((request) => isEndOf(request, held));
    const others = site.target.waitFor((request) => isEndOf(request, config), { finished: true });
    site.target.fault({ ...put, digest: held.digest }, { hold: new Promise(() => {}) });
    site.target.fault(
      { ...put, digest: refused.digest },
      { hold: Promise.all([started, others]), status: 403 },
    );
    expect(await failureOf(push())).toBeInstanceOf(ErrPermissionDenied);
    expect(await givenUp(held, refused)).toEqual([204, 204]);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("never hides the failure when it cannot be given up, and that is logged", async () => {
    const layer = await pulledWithFault({ status: 403 });
    site.target.fault({ method: "DELETE", times: ALWAYS }, { status: 500 });
    expect(await failureOf(push())).toBeInstanceOf(ErrPermissionDenied);
    expect(await givenUp(layer)).toEqual([500]);
    expect(logger.entries).toContainEqual({
      level: "warn",
      fields: { endpoint: site.target.url, err: expect.objectContaining({ httpStatus: 500 }) },
      message: "an upload session stays at the registry until that clears it away",
    });
  });

  it.each([404, 405, 501])("is nothing to tell when the registry answers %d", async (status) => {
    const layer = await pulledWithFault({ status: 403 });
    site.target.fault({ method: "DELETE", times: ALWAYS }, { status });
    expect(await failureOf(push())).toBeInstanceOf(ErrPermissionDenied);
    expect(await givenUp(layer)).toEqual([status]);
    expect(logger.warnings()).toEqual([]);
  });
});

describe("the upload session of a push that is cancelled", () => {
  it("is given up", async () => {
    const image = await site.pulled({ layers: [5_000] });
    const { digest } = layerOf(image);
    site.target.fault({ kind: "upload", method: "PUT", digest }, { hold: new Promise(() => {}) });
    const abort = new AbortController();
    const failure = failureOf(push({ signal: abort.signal }));
    await site.target.waitFor((request) => isEndOf(request, layerOf(image)));
    await site.target.waitFor((request) => isEndOf(request, image.config), { finished: true });
    abort.abort();
    expect(await failure).toBeInstanceOf(ErrCanceled);
    expect(await givenUp(layerOf(image))).toEqual([204]);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("is given up while the next attempt is waited for", async () => {
    await using patient = await pushSite({ engine: { backoff: { baseMs: 600_000, random: () => 1 } } });
    const image = await patient.pulled({ layers: [5_000] });
    const { digest } = layerOf(image);
    patient.target.fault({ kind: "upload", method: "PUT", digest }, { status: 503 });
    const abort = new AbortController();
    const log = statusLog();
    const failure = failureOf(
      patient.engine.push(`${patient.from}:v1`, {
        target: `${patient.to}:v1`,
        signal: abort.signal,
        onProgress: log.sink,
      }),
    );
    await until(() => log.lines().some((line) => line.includes("Retrying in")));
    await patient.target.waitFor((request) => isEndOf(request, image.config), { finished: true });
    expect(patient.target.uploads(REPOSITORY)).toHaveLength(1);
    abort.abort();
    expect(await failure).toBeInstanceOf(ErrCanceled);
    await patient.engine.close();
    expect(patient.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("stays when another push goes on with it", async () => {
    const release = Promise.withResolvers<void>();
    const layer = await pulledWithFault({ hold: release.promise }, { times: 1 });
    await buildImage(site.source, REPOSITORY, { tag: "v2", layers: [5_000, 6_000] });
    await site.engine.pull(`${site.from}:v2`);
    const abort = new AbortController();
    const leaving = failureOf(push({ signal: abort.signal }));
    await site.target.waitFor((request) => isEndOf(request, layer));
    const log = statusLog();
    const staying = push({ tag: "v2", onProgress: log.sink });
    await until(() => log.lines().some((line) => line.endsWith(": Preparing"))); // next it joins
    abort.abort();
    expect(await leaving).toBeInstanceOf(ErrCanceled);
    release.resolve();
    await staying;
    expect(await givenUp(layer)).toEqual([]);
    expect(site.target.tags(REPOSITORY)).toEqual(["v2"]);
  });
});

describe("the upload session of an attempt that is repeated", () => {
  it("is the next attempt's, and never given up", async () => {
    const layer = await pulledWithFault(
      { resetRequest: { afterBytes: 100_000 } },
      { times: 1, bytes: 300_000 },
    );
    await push();
    expect(await givenUp(layer)).toEqual([]);
    expect(site.target.tags(REPOSITORY)).toEqual(["v1"]);
  });
});
