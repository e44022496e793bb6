import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type DrayageError,
  ErrDataLoss,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
  ErrNotImplemented,
  ErrOutOfRange,
  ErrPermissionDenied,
} from "../../src/errors.ts";
import {
  type BuiltImage,
  buildImage,
  type Fault,
  type FaultAction,
  type FaultMatch,
  TestRegistry,
} from "../../src/testing.ts";
import { layerOf } from "./support/built-image.ts";
import { EMPTY, OCI, putIndex, putManifest } from "./support/documents.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "./support/engine.ts";

const REPOSITORY = "team/app";
const BAD = { repository: REPOSITORY, tag: "bad" };
const ALWAYS = Number.POSITIVE_INFINITY;
const SCHEMA1 = "application/vnd.docker.distribution.manifest.v1";

let registry: TestRegistry;
let engine: Engine;
let good: BuiltImage;
let faults: Fault[];

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  good = await buildImage(registry, REPOSITORY, { tag: "good", layers: [300_000] });
  const { bytes } = registry.manifest(REPOSITORY, "good") ?? { bytes: "" };
  registry.putManifest(REPOSITORY, "bad", bytes, OCI.manifest); // for the cases where the wire lies, not the document
  faults = [];
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

function fault(match: FaultMatch, action: FaultAction): void {
  faults.push(registry.fault({ times: ALWAYS, ...match }, action));
}

/** The good image's documents with other descriptors. */
function putChanged(change: { config?: object; layer?: object }): void {
  const layer = { ...layerOf(good), ...change.layer };
  putManifest(registry, BAD, { config: { ...good.config, ...change.config }, layers: [layer] });
}

function putRaw(document: object | string, mediaType: string = OCI.manifest): void {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  registry.putManifest(REPOSITORY, "bad", text, mediaType);
}

/** The registry serves an index below the tag's that has the digest which it names itself: such bytes cannot exist. */
function serveCycle(): void {
  const digest = `sha256:${"0".repeat(64)}`;
  const index = (size: number) => ({
    schemaVersion: 2,
    mediaType: OCI.index,
    manifests: [{ mediaType: OCI.index, digest, size }],
  });
  const size = JSON.stringify(index(100)).length; // of three digits, like its own
  const body = JSON.stringify(index(size));
  putIndex(registry, BAD, index(size).manifests);
  const headers = { "content-type": OCI.index, "docker-content-digest": digest };
  fault({ kind: "manifest", digest }, { status: 200, headers, body });
}

function putNested(levels: number): void {
  let inner: object = good.descriptor;
  for (let level = 0; level < levels; level++)
    inner = putIndex(registry, { repository: REPOSITORY }, [inner]);
  putIndex(registry, BAD, [inner]);
}

type ErrorClass = new (message: string) => DrayageError;
type Case = readonly [name: string, arrange: () => unknown, errorClass: ErrorClass, message: RegExp];

const manifest = { kind: "manifest", method: "GET" } as const;
const blob = { kind: "blob" } as const;
const error = (status: number, code: string): FaultAction => ({ status, body: { errors: [{ code }] } });

const REFUSALS: readonly Case[] = [
  [
    "no such tag",
    () => fault({}, error(404, "MANIFEST_UNKNOWN")),
    ErrNotFound,
    /^manifest for .*:bad not found: /,
  ],
  [
    "no such repository",
    () => fault({}, error(404, "NAME_UNKNOWN")),
    ErrNotFound,
    /^repository .*\/team\/app not found: /,
  ],
  ["access denied", () => fault({}, error(403, "DENIED")), ErrPermissionDenied, /^pull access denied for /],
  [
    "no such blob",
    () => fault(blob, error(404, "BLOB_UNKNOWN")),
    ErrNotFound,
    /^content of .* not found: fetch sha256:\w+: blob unknown/,
  ],
];

const WRONG_BYTES: readonly Case[] = [
  [
    "a layer with one bit changed",
    () => fault(blob, { corrupt: { offset: 250 } }),
    ErrDataLoss,
    /^verify sha256:\w+: got sha256:/,
  ],
  [
    "a config with one bit changed",
    () => fault({ digest: good.config.digest }, { corrupt: { offset: 0 } }),
    ErrDataLoss,
    /^verify sha256:\w+: got sha256:/,
  ],
  [
    "a manifest with one bit changed",
    () => fault(manifest, { corrupt: { offset: 0 } }),
    ErrDataLoss,
    /\/manifests\/bad: got sha256:\w+, wanted sha256:/,
  ],
  [
    "a digest of another manifest",
    () => fault(manifest, { setHeaders: { "docker-content-digest": `sha256:${"0".repeat(64)}` } }),
    ErrDataLoss,
    /\/manifests\/bad: got sha256:\w+, wanted sha256:0+$/,
  ],
  [
    "a manifest with more behind it",
    () => fault(manifest, { extraBytes: 9 }),
    ErrDataLoss,
    /\/manifests\/bad: got sha256:\w+, wanted sha256:/,
  ],
  [
    "a manifest of too many bytes",
    () => fault(manifest, { extraBytes: 5_000_000 }),
    ErrOutOfRange,
    /longer than 4393216 bytes$/,
  ],
  [
    "the same in chunks",
    () => fault(manifest, { extraBytes: 5_000_000, chunked: true }),
    ErrOutOfRange,
    /longer than 4393216 bytes$/,
  ],
  [
    "a layer longer than described",
    () => putChanged({ layer: { size: 100 } }),
    ErrDataLoss,
    /got a blob of \d+ bytes, wanted 100$/,
  ],
  [
    "a layer shorter than described",
    () => putChanged({ layer: { size: 999_999 } }),
    ErrDataLoss,
    /got a blob of \d+ bytes, wanted 999999$/,
  ],
  [
    "a layer with more behind it",
    () => fault(blob, { extraBytes: 1 }),
    ErrDataLoss,
    /got a blob of \d+ bytes, wanted \d+$/,
  ],
  [
    "a layer with more behind it, unannounced",
    () => fault(blob, { extraBytes: 1, chunked: true }),
    ErrDataLoss,
    /got more than the \d+ bytes wanted$/,
  ],
  [
    "a layer that is too short, unannounced",
    () => {
      putChanged({ layer: { size: 999_999 } });
      fault(blob, { chunked: true });
    },
    ErrDataLoss,
    /got (a blob of )?\d+ bytes, wanted 999999$/,
  ],
];

const BAD_DOCUMENTS: readonly Case[] = [
  ["text", () => putRaw("hello"), ErrInvalidArgument, /^children: invalid desc sha256:\w+: /],
  ["an empty object", () => putRaw({}), ErrInvalidArgument, /^children: invalid desc sha256:\w+: /],
  [
    "a manifest that is an index as well",
    () => putManifest(registry, BAD, { config: good.config, layers: [], manifests: [] }),
    ErrInvalidArgument,
    /expected manifest but found index/,
  ],
  [
    "an index that is a manifest as well",
    () => putRaw({ schemaVersion: 2, manifests: [], layers: [] }, OCI.index),
    ErrInvalidArgument,
    /expected index but found manifest/,
  ],
  [
    "an index served as a manifest",
    () => putRaw({ schemaVersion: 2, mediaType: OCI.index, manifests: [] }),
    ErrInvalidArgument,
    /expected manifest but found index/,
  ],
  [
    "a digest that is none",
    () => putChanged({ layer: { digest: "sha256:../../etc/passwd" } }),
    ErrInvalidArgument,
    /digest/,
  ],
  ["a negative size", () => putChanged({ layer: { size: -1 } }), ErrInvalidArgument, /size/],
  ["a layer without size", () => putChanged({ layer: { size: 0 } }), ErrDataLoss, /got sha256:\w+$/],
  [
    "10,000 layers",
    () =>
      putManifest(registry, BAD, {
        config: good.config,
        layers: Array.from({ length: 10_000 }, () => EMPTY),
      }),
    ErrInvalidArgument,
    /4096/,
  ],
  [
    "a manifest of 5 MB",
    () => putManifest(registry, BAD, { filler: "x".repeat(5_000_000) }),
    ErrOutOfRange,
    /longer than 4393216 bytes$/,
  ],
  [
    "a config of 5 MB",
    () => putChanged({ config: { size: 5_000_000 } }),
    ErrFailedPrecondition,
    /wanted at most 4194304$/,
  ],
  ["indexes nested too deep", () => putNested(9), ErrInvalidArgument, /nested deeper than 8 levels$/],
  ["an index that names itself", serveCycle, ErrDataLoss, /^verify sha256:0+: got sha256:/],
  [
    "schema 1, signed",
    () => putRaw({ schemaVersion: 1 }, `${SCHEMA1}+prettyjws`),
    ErrNotImplemented,
    /docker schema 1 is not supported$/,
  ],
  [
    "schema 1, unsigned",
    () => putRaw({ schemaVersion: 1 }, `${SCHEMA1}+json`),
    ErrNotImplemented,
    /v1\+json, unsupported manifest format$/,
  ],
  [
    "schema 1 as old registries call it",
    () => putRaw({ schemaVersion: 1 }, "text/plain"),
    ErrNotImplemented,
    /docker schema 1 is not supported$/,
  ],
  [
    "schema 1 under a new name",
    () => putRaw({ schemaVersion: 1, fsLayers: [], history: [] }),
    ErrNotImplemented,
    /schema 1/,
  ],
  [
    "a type that is no image",
    () => putRaw({}, "application/json"),
    ErrNotImplemented,
    /got application\/json, unsupported manifest format$/,
  ],
];

describe.each([
  ["a registry that says", REFUSALS],
  ["a registry that sends", WRONG_BYTES],
  ["a tag that leads to", BAD_DOCUMENTS],
])("pull() from %s", (_group, cases) => {
  it.each(cases)("%s", async (_name, arrange, errorClass, message) => {
    await arrange();

    const failure = await failureOf(
      engine.pull(`${registry.host}/${REPOSITORY}:bad`, { allPlatforms: true }),
    );

    expect(failure).toBeInstanceOf(errorClass);
    expect(failure.message).toMatch(message);
    await blobsOn(engine.root); // whatever is committed is what it claims to be
    expect(await namesOn(engine.root)).toEqual([]);

    for (const each of faults) each.remove();
    const { digest } = await engine.pull(`${registry.host}/${REPOSITORY}:good`);
    expect(digest).toBe(good.descriptor.digest);
    expect(await blobsOn(engine.root)).toContain(layerOf(good).digest);
  });
});

describe("pull() of the deepest and the widest that is taken", () => {
  it("takes indexes nested eight deep", async () => {
    putNested(7);
    await engine.pull(`${registry.host}/${REPOSITORY}:bad`, { platform: "linux/amd64" });
    expect(await blobsOn(engine.root)).toHaveLength(8 + 3);
  });

  it("takes a blob that comes in a chunk without a length", async () => {
    fault(blob, { chunked: true });
    fault(manifest, { chunked: true });
    await engine.pull(`${registry.host}/${REPOSITORY}:good`);
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });
});
