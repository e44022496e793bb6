import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLocalStore, type Store, writeBlob } from "../../src/content.ts";
import { shortId } from "../../src/digest/digest.ts";
import { tryLockFile } from "../../src/disk/file-lock.ts";
import { ErrUnavailable } from "../../src/errors.ts";
import type { Progress, ProgressSink } from "../../src/index.ts";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { type Engine, failureOf, NO_WAIT, openEngine } from "./support/engine.ts";
import { gets } from "./support/requests.ts";
import { statusLog } from "./support/status-lines.ts";
import { until } from "./support/until.ts";

const REPOSITORY = "team/app";
const PLATFORM = { platform: "linux/amd64" };
const LOCKED = "Waiting for another process";

let registry: TestRegistry;
let engine: Engine;
let name: string;

/** An image that is to be had by its digest, which an index with the tag names. */
async function taggedIndex(tag: string): Promise<BuiltImage> {
  const image = await buildImage(registry, REPOSITORY, { layers: [9_000] });
  buildIndex(registry, REPOSITORY, { tag, images: [image] });
  return image;
}

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine({ maxConcurrentDownloads: 1 });
  name = `${registry.host}/${REPOSITORY}`;
});

afterEach(async () => {
  await registry.close();
  await engine[Symbol.asyncDispose]();
});

describe("a pull whose content another process writes", () => {
  it.each(["a layer", "a config", "a manifest"])("holds no slot for %s, and says so", async (what) => {
    const image = await buildImage(registry, REPOSITORY, { tag: "a", layers: [9_000] });
    await buildImage(registry, REPOSITORY, { tag: "b", layers: [7_000] });
    await using other = await openLocalStore({ root: engine.root });
    const [kind, digest] = {
      "a layer": ["layer", layerOf(image).digest] as const,
      "a config": ["config", image.config.digest] as const,
      "a manifest": ["manifest", image.descriptor.digest] as const,
    }[what] ?? ["", layerOf(image).digest];
    const writer = await other.writer({ ref: `${kind}-${digest}` });
    const log = statusLog();
    const waiting = engine.pull(`${name}:a`, { onProgress: log.sink });
    await until(() => log.actions(shortId(digest)).includes(LOCKED));

    await engine.pull(`${name}:b`);

    expect(gets(registry, digest)).toEqual([]);
    await writer.close();
    await waiting;
    expect(log.actions(shortId(digest)).at(-1)).toMatch(/ complete$/);
  });

  it("ends at once when its signal fires", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "a", layers: [9_000] });
    await using other = await openLocalStore({ root: engine.root });
    await using _ = await other.writer({ ref: `layer-${layerOf(image).digest}` });
    const abort = new AbortController();
    const log = statusLog();
    const waiting = failureOf(engine.pull(`${name}:a`, { signal: abort.signal, onProgress: log.sink }));
    await until(() => log.actions(shortId(layerOf(image).digest)).includes(LOCKED));
    abort.abort();
    expect(await waiting).toMatchObject({ code: "ERR_CANCELED" });
  });
});

describe("a registry that does not answer", () => {
  let never: PromiseWithResolvers<void>;
  beforeEach(() => {
    never = Promise.withResolvers<void>();
  });
  afterEach(() => never.resolve());

  it("holds no slot, and each pull says what it waits for", async () => {
    const image = await buildImage(registry, REPOSITORY, { tag: "a", layers: [9_000] });
    await using healthy = await TestRegistry.start();
    await buildImage(healthy, REPOSITORY, { tag: "b", layers: [7_000] });
    const { digest } = layerOf(image);
    registry.fault({ digest }, { hold: never.promise });
    const abort = new AbortController();
    const log = statusLog({ slowAnswers: true });
    const silent = failureOf(engine.pull(`${name}:a`, { signal: abort.signal, onProgress: log.sink }));
    await until(() => log.actions(shortId(digest)).includes(`Waiting for ${registry.host}`));
    await engine.pull(`${healthy.host}/${REPOSITORY}:b`);
    abort.abort();
    expect(await silent).toMatchObject({ code: "ERR_CANCELED" });
  });

  it.each([
    ["what it asks for", { kind: "ping" }],
    ["a tag", { kind: "manifest", reference: "a" }],
    ["a manifest", { kind: "manifest" }],
  ] as const)("shows so for %s", async (what, request) => {
    const { descriptor } = await taggedIndex("a");
    const match = what === "a manifest" ? { digest: descriptor.digest } : request;
    registry.fault(match, { hold: never.promise });
    const abort = new AbortController();
    const log = statusLog({ slowAnswers: true });
    const options = { ...PLATFORM, signal: abort.signal, onProgress: log.sink };
    const silent = failureOf(engine.pull(`${name}:a`, options));
    const id = what === "a manifest" ? shortId(descriptor.digest) : "a";
    await until(() => log.actions(id).includes(`Waiting for ${registry.host}`));
    abort.abort();
    await silent;
  });

  it.each([
    ["a blob", { method: "HEAD", kind: "blob" }],
    ["a manifest", { method: "PUT", kind: "manifest" }],
  ] as const)("shows so in a push of %s", async (what, request) => {
    const image = await buildImage(registry, REPOSITORY, { tag: "a", layers: [9_000] });
    await engine.pull(`${name}:a`);
    registry.fault({ ...request, times: 9 }, { hold: never.promise });
    const abort = new AbortController();
    const log = statusLog({ slowAnswers: true });
    const target = `${registry.host}/team/other:a`;
    const options = { target, signal: abort.signal, onProgress: log.sink };
    const silent = failureOf(engine.push(`${name}:a`, options));
    const waiting = `Waiting for ${registry.host}`;
    const { digest } = image.descriptor;
    await until(() =>
      what === "a blob"
        ? log.lines().some((line) => line.endsWith(waiting))
        : log.actions(shortId(digest)).includes(waiting),
    );
    abort.abort();
    await silent;
  });
});

describe("a pull into a content service that is down", () => {
  it("fails with the service's words, after a bounded number of tries", async () => {
    await buildImage(registry, REPOSITORY, { tag: "a", layers: [9_000] });
    let tries = 0;
    const fail = async (): Promise<never> => {
      tries++;
      throw new ErrUnavailable("connect ENOENT /run/store.sock");
    };
    const methods = [
      "info",
      "update",
      "walk",
      "delete",
      "readerAt",
      "writer",
      "status",
      "listStatuses",
      "abort",
    ];
    const down = Object.fromEntries(methods.map((method) => [method, fail])) as unknown as Store;
    await using pulling = await openEngine({ content: down });
    await expect(pulling.pull(`${name}:a`)).rejects.toMatchObject({
      name: "ErrUnavailable",
      message: expect.stringContaining("the content store is not available: connect ENOENT /run/store.sock"),
    });
    expect(tries).toBeLessThan(20);
  });
});

describe("a document that has to be asked for again", () => {
  it.each([
    ["a tag", "v1"],
    ["a manifest", "manifest"],
    ["a config", "config"],
  ])("shows for how long it waits: %s", async (what) => {
    await using patient = await openEngine({ backoff: { baseMs: 1_000, random: () => 0.001 } });
    const { config, descriptor } = await taggedIndex("v1");
    const log = statusLog();
    const fault = {
      "a tag": { reference: "v1" } as const,
      "a manifest": { method: "GET", digest: descriptor.digest } as const,
      "a config": { digest: config.digest } as const,
    }[what];
    registry.fault(fault ?? {}, { status: 503 });
    await patient.pull(`${name}:v1`, { ...PLATFORM, onProgress: log.sink });
    const id = what === "a tag" ? "v1" : shortId((what === "a config" ? config : descriptor).digest);
    expect(log.actions(id)[0]).toBe("Retrying in 1 second");
  });

  it("shows so in a push", async () => {
    await using patient = await openEngine({ backoff: { baseMs: 1_000, random: () => 0.001 } });
    const image = await buildImage(registry, REPOSITORY, { tag: "v1", layers: [100] });
    await patient.pull(`${name}:v1`);
    registry.fault({ method: "PUT", kind: "manifest" }, { status: 503 });
    const log = statusLog();
    await patient.push(`${name}:v1`, { target: `${registry.host}/team/other:v1`, onProgress: log.sink });
    expect(log.actions(shortId(image.descriptor.digest))[0]).toBe("Retrying in 1 second");
  });
});

describe("the attempts at a blob", () => {
  it.each([
    ["the policy's", { backoff: { ...NO_WAIT, maxAttempts: 2 } }, 2],
    ["the option's", { backoff: { ...NO_WAIT, maxAttempts: 2 }, maxDownloadAttempts: 3 }, 3],
  ])("are %s", async (_, options, attempts) => {
    await using patient = await openEngine(options);
    const { digest } = layerOf(await buildImage(registry, REPOSITORY, { tag: "v1", layers: [100] }));
    registry.fault({ digest, times: Number.POSITIVE_INFINITY }, { status: 503 });
    expect(await failureOf(patient.pull(`${name}:v1`))).toBeInstanceOf(ErrUnavailable);
    expect(gets(registry, digest)).toHaveLength(attempts);
  });
});

describe("work on names and content while another process has its lock", () => {
  const locks = {
    index: "Waiting for changes of names",
    removals: "Waiting for removals",
    "in-use": "Waiting for work that began earlier",
  };

  /** What is done in the root of `engine`, by the name of the lock that it waits for. */
  const work: ReadonlyArray<
    readonly [
      string,
      keyof typeof locks,
      (options: { readonly onProgress: ProgressSink }) => Promise<unknown>,
    ]
  > = [
    ["pull", "index", (options) => engine.pull(`${name}:b`, options)],
    [
      "import",
      "index",
      (options) => engine.import(join(engine.root, "archive.tar"), { name: `${name}:c`, ...options }),
    ],
    ["tag", "index", (options) => engine.tag(`${name}:a`, `${name}:c`, options)],
    ["remove", "index", (options) => engine.remove(`${name}:a`, options)],
    ["remove", "removals", (options) => engine.remove(`${name}:a`, options)],
    ["prune", "removals", (options) => engine.prune({ minAgeMs: 0, ...options })],
    ["prune", "in-use", (options) => engine.prune({ minAgeMs: 0, ...options })],
  ];

  it.each(work)("%s says so of the lock %s, and goes on when it is free", async (_, lock, run) => {
    await buildImage(registry, REPOSITORY, { tag: "a", layers: [9_000] });
    await buildImage(registry, REPOSITORY, { tag: "b", layers: [7_000] });
    await engine.pull(`${name}:a`);
    await engine.export(`${name}:a`, join(engine.root, "archive.tar"));
    await writeBlob(engine.content, "own", Buffer.from("what nothing refers to"));
    const mode = lock === "in-use" ? "shared" : "exclusive";
    const release = tryLockFile(join(engine.root, "locks", lock), mode);
    const said: string[] = [];
    const onProgress = (progress: Progress): void => {
      if (progress.kind === "message") said.push(progress.message);
      if (progress.kind === "update") said.push(progress.action);
    };
    const running = run({ onProgress });
    await until(() => said.includes(locks[lock]));
    release?.();
    await running;
  });
});
