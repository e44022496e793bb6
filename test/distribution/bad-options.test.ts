import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors.ts";
import { openDistribution, type PullOptions } from "../../src/index.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";

let registry: TestRegistry;
let engine: Engine;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** The pull is refused before anything was asked or named; a good one still works. */
async function expectRefused(reference: string, options: PullOptions, message: string): Promise<void> {
  const failure = await failureOf(engine.pull(reference, options));
  expect(failure).toBeInstanceOf(ErrInvalidArgument);
  expect(failure.message).toBe(message);
  expect(registry.requests).toEqual([]);
  expect(await namesOn(engine.root)).toEqual([]);
  await engine.pull(`${registry.host}/app:v1`);
}

/** Options as a caller in plain JavaScript may give them. */
function untyped(value: unknown): never {
  return value as never;
}

/** A pull with options as a caller in plain JavaScript may give them. */
function pullWith(options: object): (engine: Engine) => Promise<unknown> {
  return (target) => target.pull("app", untyped(options));
}

/** A push of an artifact as a caller in plain JavaScript may describe it. */
function pushArtifactOf(artifact: object): (engine: Engine) => Promise<unknown> {
  return (target) => target.pushArtifact("app", untyped(artifact));
}

const HEX = "0123456789abcdef".repeat(4);

describe("pull() of a reference that is none", () => {
  it.each([
    ["", "invalid reference format"],
    ["app:", "invalid reference format"],
    ["app:-v1", "invalid reference format"],
    ["app@sha256:0123", "invalid reference format"],
    [`app@sha256:${HEX}0`, "invalid checksum digest length"],
    [`app@md5:${HEX}`, "unsupported digest algorithm"],
    ["app app", "invalid reference format"],
    ["../app", "invalid reference format"],
    ["registry.example//app", "invalid reference format"],
    ["https://registry.example/app", "invalid reference format"],
    ["team/App", "invalid reference format: repository name (team/App) must be lowercase"],
    ["a".repeat(256), "repository name must not be more than 255 characters"],
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    ["scratch", "'scratch' is a reserved name"],
    ["docker.io/library/scratch:v1", "'scratch' is a reserved name"],
  ])("refuses %j", async (reference, message) => {
    await expectRefused(reference, {}, message);
  });
});

describe("pull() with options that cannot be", () => {
  it.each<[string, string, PullOptions, string]>([
    ["all tags of a tag", ":v1", { allTags: true }, "tag can't be used with all tags"],
    ["all tags of a digest", `@sha256:${HEX}`, { allTags: true }, "tag can't be used with all tags"],
    [
      "a platform and all platforms",
      ":v1",
      { platform: "linux/amd64", allPlatforms: true },
      'choose platform: got "linux/amd64" and all platforms, wanted one of them',
    ],
    ["an empty platform", ":v1", { platform: "" }, "platform"],
    ["a platform with a hole", ":v1", { platform: "linux//v8" }, "platform"],
    ["a platform with too many parts", ":v1", { platform: "linux/arm/v8/x" }, "platform"],
    ["a platform of odd characters", ":v1", { platform: "linux/am d64" }, "platform"],
    ["a priority that is no number", ":v1", { priority: Number.NaN }, "priority"],
  ])("refuses %s", async (_, suffix, options, part) => {
    const reference = `${registry.host}/app${suffix}`;
    const failure = await failureOf(engine.pull(reference, options));
    expect(failure.message).toContain(part);
    await expectRefused(reference, options, failure.message);
  });
});

describe("a call with arguments of the wrong type", () => {
  const digest = `sha256:${HEX}`;
  const none = untyped(undefined);
  const signal = untyped("now");
  it.each<[string, (engine: Engine) => Promise<unknown>]>([
    ['pull image: argument "reference"', (engine) => engine.pull(none)],
    ['pull image: option "platform"', (engine) => engine.pull("app", untyped({ platform: {} }))],
    ['pull image: option "allTags"', (engine) => engine.pull("app", untyped({ allTags: "yes" }))],
    ['pull image: option "auth"', (engine) => engine.pull("app", { auth: untyped({ user: "u" }) })],
    ['pull image: option "metaHeaders["X-Meta-A"]"', pullWith({ metaHeaders: { "X-Meta-A": 1 } })],
    ['pull image: option "onProgress"', (engine) => engine.pull("app", untyped({ onProgress: true }))],
    ['pull image: option "signal"', (engine) => engine.pull("app", { signal })],
    ['pull image: got the unknown option "platfrom"', pullWith({ platfrom: "linux/arm64" })],
    ["pull image: got null", (engine) => engine.pull("app", untyped(null))],
    ['pull image: option "verify"', pullWith({ verify: "signed" })],
    ['push image: argument "reference"', (engine) => engine.push(none)],
    ['push image: option "priority"', (engine) => engine.push("app", untyped({ priority: "soon" }))],
    ['pull image: option "bandwidth"', (engine) => engine.pull("app", { bandwidth: "512" })],
    ['push image: option "target"', (engine) => engine.push("app", untyped({ target: 1 }))],
    [
      'push image: got the unknown option "keepBlobs"',
      (engine) => engine.push("app", untyped({ keepBlobs: false })),
    ],
    ['push artifact: argument "artifact"', (engine) => engine.pushArtifact("app", none)],
    ['push artifact: argument "artifact.files[0].path"', pushArtifactOf({ files: [{ title: "a" }] })],
    ['push artifact: argument "artifact": got the unknown option "fiels"', pushArtifactOf({ fiels: [] })],
    ['push artifact: argument "artifact.subject"', pushArtifactOf({ subject: { digest } })],
    [
      'push artifact: option "priority"',
      (engine) => engine.pushArtifact("app", {}, untyped({ priority: "soon" })),
    ],
    ['fetch artifact: argument "directory"', (engine) => engine.fetchArtifact("app", none)],
    [
      'fetch artifact: option "titles"',
      (engine) => engine.fetchArtifact("app", "/x", untyped({ titles: "a" })),
    ],
    ['remove image: argument "reference"', (engine) => engine.remove(none)],
    ['remove image: option "signal"', (engine) => engine.remove("app", { signal })],
    ['import images: argument "source"', (engine) => engine.import(untyped([]))],
    ['import images: argument "source"', (engine) => engine.import("")],
    ['import images: option "name"', (engine) => engine.import("/x", untyped({ name: 1 }))],
    ['export image: argument "target"', (engine) => engine.export("app", untyped({}))],
    ['export image: option "platform"', (engine) => engine.export("app", "/x", untyped({ platform: 1 }))],
    ['measure image: argument "target"', (engine) => engine.sizeOf(untyped({ digest }))],
    ["invalid reference format: got undefined", (engine) => engine.images.get(none)],
    ['look at content: argument "digest"', (engine) => engine.content.info(none)],
    ['open writer: argument "options"', (engine) => engine.content.writer(none)],
  ])("is refused with %s", async (message, call) => {
    const failure = await failureOf(call(engine));
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(failure.message).toContain(message);
    expect(registry.requests).toEqual([]);
  });

  it("is refused where a limit is misspelt", () => {
    expect(() => engine.setConcurrency(untyped({ download: 1 }))).toThrow('unknown option "download"');
  });
});

describe("openDistribution()", () => {
  it.each([
    ["attempts", { maxDownloadAttempts: 0 }],
    ["a number of attempts that is none", { maxDownloadAttempts: Number.NaN }],
    ["downloads", { maxConcurrentDownloads: -1 }],
    ["half a download", { maxConcurrentDownloads: 0.5 }],
    ["a mirror without a scheme", { registry: { mirrors: { "docker.io": ["mirror.example"] } } }],
    ["an insecure registry that is no host", { registry: { insecureRegistries: ["a b"] } }],
    ["no root", { root: undefined }],
    ["an empty root", { root: "" }],
    ["an option that is none", { rooot: "/r" }],
    ["an option that belongs into registry", { mirrors: { "docker.io": ["https://mirror.example"] } }],
    ["an unknown option of registry", { registry: { mirror: {} } }],
    ["one mirror instead of a list", { registry: { mirrors: { "docker.io": "https://mirror.example" } } }],
    ["a time-out below zero", { connection: { bodyIdleTimeoutMs: -1 } }],
    ["a time-out that is no number", { connection: { bodyIdleTimeoutMs: Number.NaN } }],
    ["no socket at all", { connection: { maxSocketsPerHost: 0 } }],
    ["a proxy that is none", { connection: { proxy: { httpsProxy: "socks5://proxy:1080" } } }],
    ["a back-off of text", { backoff: { baseMs: "1" } }],
    ["credentials in place of a look-up", { credentials: { username: "u", password: "p" } }],
    ["half a logger", { logger: { info() {} } }],
    ["half a store", { content: {} }],
    ["a verdict in place of a hook", { verify: true }],
    ["a hook of transfers that is none", { transferHooks: { before: "ask" } }],
    ["an unknown hook of transfers", { transferHooks: { during() {} } }],
    ["endpoints in place of a choice", { registry: { chooseEndpoints: [] } }],
    ["a watch of text", { watch: "yes" }],
    ["a word for reading only", { readOnly: "yes" }],
    ["a send that is none", { connection: { send: "fetch" } }],
  ])("refuses %s, and leaves the disk alone", async (_, options) => {
    const parent = await mkdtemp(join(tmpdir(), "drayage-options-"));
    const failure = await failureOf(openDistribution(untyped({ root: join(parent, "root"), ...options })));
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(await readdir(parent)).toEqual([]);
    await rm(parent, { recursive: true });
  });

  it.each<[string, () => unknown]>([
    ["an image of no descriptor", () => engine.images.tag("app", untyped(undefined))],
    ["a signal that is none", () => engine.images.list(untyped({ signal: 3 }))],
    ["a name that is none", () => engine.images.get(untyped(undefined))],
    ["a ref that is none", () => engine.content.writer(untyped({ ref: 5 }))],
    ["an ingest without a ref", () => engine.content.abort(untyped(undefined))],
    ["filters that are no list", () => engine.content.listStatuses(untyped({ filters: 5 }))],
    ["a filter that is no text", () => engine.content.listStatuses(untyped({ filters: [5] }))],
  ])("refuses %s, with a class", async (_, call) => {
    await expect(async () => call()).rejects.toThrow(ErrInvalidArgument);
  });

  it.each([-1, 1.5, Number.NaN])("refuses to be told %d downloads later", (downloads) => {
    expect(() => engine.setConcurrency({ downloads })).toThrow(ErrInvalidArgument);
  });
});
