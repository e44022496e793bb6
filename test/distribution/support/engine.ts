import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { expect } from "vitest";
import type { Descriptor } from "../../../src/images.ts";
import { type Distribution, type DistributionOptions, openDistribution } from "../../../src/index.ts";
import type { Keep } from "../../support/closing-after-each.ts";
import { checkedMoves } from "./checked-progress.ts";
import { until } from "./until.ts";

/** Delays of no length: nothing in these tests waits for the clock. */
export const NO_WAIT = { baseMs: 1, random: () => 0 };

/** A distribution on a data root of its own. Disposing of it closes it and removes a root that it made. */
export interface Engine extends Distribution {
  readonly root: string;
}

/** Opens an engine whose pulls, pushes and copies are watched (`checkedMoves`), and that speaks plain HTTP to the registries of references, unless `options` say otherwise. */
export async function openEngine(options: Partial<DistributionOptions> = {}): Promise<Engine> {
  const root = options.root ?? (await mkdtemp(join(tmpdir(), "drayage-pull-")));
  const registry = { plainHttp: true, ...options.registry };
  const removeOwn = async (): Promise<void> => {
    if (options.root === undefined) await rm(root, { recursive: true, force: true });
  };
  const opening = openDistribution({ backoff: NO_WAIT, ...options, root, registry });
  const distribution = await opening.catch(async (error: unknown) => {
    await removeOwn();
    throw error;
  });
  return Object.assign(distribution, {
    root,
    ...checkedMoves(distribution),
    async [Symbol.asyncDispose]() {
      await distribution.close();
      await removeOwn();
    },
  });
}

/** The same for tests that leave work which would take hours: it is aborted before the engine is closed. */
export async function keepUnhurried(keep: Keep, options: Partial<DistributionOptions>): Promise<Engine> {
  const engine = keep(await openEngine(options));
  keep({
    async [Symbol.asyncDispose]() {
      engine.abort();
    },
  });
  return engine;
}

/** Digests of all blobs on disk, sorted, each one hashed: a file whose name is not its digest fails the test. */
export async function blobsOn(root: string): Promise<readonly string[]> {
  const directory = join(root, "blobs", "sha256");
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(directory, name)), hash);
    expect(hash.digest("hex")).toBe(name);
  }
  return names.map((name) => `sha256:${name}`).toSorted();
}

/** The entries of `index.json` as they are on disk. */
export async function indexOn(root: string): Promise<readonly Descriptor[]> {
  const { manifests } = JSON.parse(await readFile(join(root, "index.json"), "utf8"));
  return manifests;
}

/** The names in `index.json`. */
export async function namesOn(root: string): Promise<readonly string[]> {
  const entries = await indexOn(root);
  return entries.map(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"] ?? "");
}

/** Waits until at least so many bytes of a blob have come, and it is not whole. */
export async function hasSomeOnDisk({ content }: Engine, { digest }: Descriptor, bytes = 1): Promise<void> {
  await until(async () => {
    const statuses = await content.listStatuses();
    return statuses.some(({ ref, offset }) => ref.endsWith(digest) && offset >= bytes);
  });
}

/** Waits until so many bytes of a blob have come. */
export async function hasOnDisk({ content }: Engine, { digest }: Descriptor, bytes: number): Promise<void> {
  await until(async () => {
    const statuses = await content.listStatuses();
    return statuses.some(({ ref, offset }) => ref.endsWith(digest) && offset === bytes);
  });
}

/** A promise's error. One that resolves fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => new TypeError(`resolved: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Error);
  expect(outcome).not.toBeInstanceOf(TypeError);
  return outcome as Error;
}
