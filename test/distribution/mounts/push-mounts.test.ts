import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../../src/digest/digest.ts";
import { credentialsHmac } from "../../../src/distribution/mounts/credentials-hmac.ts";
import { MountSourceStore } from "../../../src/distribution/mounts/mount-source-store.ts";
import { type BuiltImage, buildImage } from "../../../src/testing.ts";
import { digestsOf, layerOf } from "../support/built-image.ts";
import { failureOf, openEngine } from "../support/engine.ts";
import { memoryLogger } from "../support/memory-logger.ts";
import {
  finishing,
  mountsAsked,
  type PushSite,
  pushSite,
  REPOSITORY,
  uploadedBytes,
} from "../support/push-site.ts";

const ALWAYS = Number.POSITIVE_INFINITY;
const OTHER = "team/other";
const account = { username: "user", password: "secret" };

let site: PushSite;
let root: string;
const logger = memoryLogger();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-push-"));
  site = await pushSite({ engine: { root, logger } });
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

/** Pushes the image to a repository of the target. */
async function pushTo(repository: string, auth?: typeof account): Promise<void> {
  await site.engine.push(`${site.from}:v1`, { target: `${site.target.host}/${repository}:v1`, auth });
}

function opened(): number {
  return site.target.requests.filter(({ kind, method }) => kind === "upload" && method === "POST").length;
}

/** Remembers that a repository of the target has a blob. The newest is the last one told. */
async function remember(digest: Digest, path: string, hmac = ""): Promise<void> {
  await new MountSourceStore(root).add(digest, { repository: `${site.target.host}/${path}`, hmac });
}

/** The repositories of the target that are remembered to have a blob, newest first. */
async function remembered(digest: Digest): Promise<readonly string[]> {
  const sources = await new MountSourceStore(root).list(digest);
  return sources.map(({ repository }) => repository.slice(site.target.host.length + 1));
}

describe("push() to a second repository of a registry", () => {
  let image: BuiltImage;

  beforeEach(async () => {
    image = await site.pulled({ layers: [5_000, 300_000] });
    await pushTo(REPOSITORY);
  });

  it("mounts everything and sends no byte of it", async () => {
    await pushTo(OTHER);
    expect(mountsAsked(site.target)).toEqual(Array.from({ length: 3 }, () => REPOSITORY));
    expect(uploadedBytes(site.target, OTHER)).toBe(0);
    expect([...site.target.blobs(OTHER), image.descriptor.digest].toSorted()).toEqual(digestsOf(image));
  });

  it("mounts also after a restart", async () => {
    await site.engine.close();
    await using again = await openEngine({ root });
    await again.push(`${site.from}:v1`, { target: `${site.target.host}/${OTHER}:v1` });
    expect(uploadedBytes(site.target, OTHER)).toBe(0);
    expect(site.target.tags(OTHER)).toEqual(["v1"]);
  });

  it.each([401, 403, 404, 500])("sends the bytes when a mount is refused by %s", async (status) => {
    site.target.fault({ kind: "upload", when: ({ query }) => query.has("mount"), times: ALWAYS }, { status });
    await pushTo(OTHER);
    expect(site.target.tags(OTHER)).toEqual(["v1"]);
    expect(site.target.uploads(OTHER)).toEqual([]);
    // Without credentials a 401 is no reason to think that the blob is gone.
    const expected = status === 401 ? [OTHER, REPOSITORY] : [OTHER];
    expect(await remembered(layerOf(image).digest)).toEqual(expected);
  });

  it("does not fail when nothing can be remembered", async () => {
    await rm(join(root, "mounts"), { recursive: true });
    await writeFile(join(root, "mounts"), "not a directory");
    await pushTo(OTHER);
    expect(site.target.tags(OTHER)).toEqual(["v1"]);
    expect(logger.entries.map(({ level }) => level)).toContain("warn");
  });
});

describe("close() after a push that was cancelled", () => {
  it("waits for what the push still writes", async () => {
    await site[Symbol.asyncDispose]();
    const [wanted, given] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const credentials = async (): Promise<undefined> => {
      wanted.resolve();
      await given.promise;
    };
    site = await pushSite({ engine: { root, credentials } });
    const image = await site.pulled({ layers: [5_000] });
    const layer = layerOf(image);
    const abort = new AbortController();
    const target = `${site.target.host}/${REPOSITORY}:v1`;
    await site.target.putBlob(REPOSITORY, await buffer(site.source.readBlob(REPOSITORY, layer.digest)));
    site.target.fault({ digest: image.config.digest }, { hold: new Promise(() => {}) });
    const failure = failureOf(site.engine.push(`${site.from}:v1`, { target, signal: abort.signal }));
    await wanted.promise; // that the layer is there is about to be remembered
    abort.abort();
    await failure;
    given.resolve();
    await site.engine.close();
    expect(await remembered(layer.digest)).toEqual([REPOSITORY]);
  });
});

describe("push() of what was pulled from another repository of the registry", () => {
  it("mounts from there", async () => {
    await buildImage(site.target, "base/image", { tag: "v1", layers: [5_000] });
    await site.engine.pull(`${site.target.host}/base/image:v1`);
    await site.engine.push(`${site.target.host}/base/image:v1`, { target: `${site.to}:v1` });
    expect(mountsAsked(site.target)).toEqual(["base/image", "base/image"]);
    expect(uploadedBytes(site.target, REPOSITORY)).toBe(0);
  });

  it("forgets the repository when the blob is not there any more", async () => {
    const { digest } = layerOf(await site.pulled({ layers: [5_000] }));
    const label = "containerd.io/distribution.source.127.0.0.1";
    const labels = async () => (await site.engine.content.info(digest)).labels;
    await site.engine.content.update({ digest, labels: { [label]: "a/one,team/gone" } }, [`labels.${label}`]);
    await pushTo(REPOSITORY);
    expect(mountsAsked(site.target)).toEqual(["team/gone"]);
    expect(await labels()).toMatchObject({ [label]: "a/one" });
  });
});

describe("a mount that is declined", () => {
  it("goes on in the session that came instead, and is forgotten", async () => {
    const { digest } = layerOf(await site.pulled({ layers: [5_000] }));
    await remember(digest, "team/gone");
    await pushTo(REPOSITORY);
    expect(mountsAsked(site.target)).toEqual(["team/gone"]);
    expect(opened()).toBe(2); // the layer's and the config's
    expect(finishing(site.target, { digest })).toHaveLength(1);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
    expect(await remembered(digest)).toEqual([REPOSITORY]);
  });

  it("leaves no session behind when others are tried after it", async () => {
    const { digest, size } = layerOf(await site.pulled({ layers: [300_000] }));
    for (const path of ["a/gone", "b/gone", "c/gone", "d/gone"]) await remember(digest, path);
    await pushTo(REPOSITORY);
    expect(size).toBeGreaterThan(100 * 1024);
    expect(mountsAsked(site.target)).toEqual(["d/gone", "c/gone", "b/gone"]);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
    expect(await remembered(digest)).toEqual([REPOSITORY, "a/gone"]);
  });

  it("is asked for once only when a blob is small", async () => {
    const { digest } = layerOf(await site.pulled({ layers: [5_000] }));
    for (const path of ["a/gone", "b/gone"]) await remember(digest, path);
    await pushTo(REPOSITORY);
    expect(mountsAsked(site.target)).toEqual(["b/gone"]);
  });
});

describe("sources that other credentials saw", () => {
  let digest: Digest;

  beforeEach(async () => {
    await site[Symbol.asyncDispose]();
    site = await pushSite({ target: { auth: { basic: account } }, engine: { root, logger } });
    digest = layerOf(await site.pulled({ layers: [300_000] })).digest;
    const full = `${site.target.host}/far/ours`;
    await remember(digest, "far/ours", credentialsHmac(account, digest, full));
    await remember(digest, "team/theirs", "of somebody else");
  });

  it("are tried after those of the present ones", async () => {
    await pushTo(REPOSITORY, account);
    expect(mountsAsked(site.target)).toEqual(["far/ours", "team/theirs"]);
  });

  it("stay when they are declined, as somebody else may see them", async () => {
    await pushTo(REPOSITORY, account);
    expect(await remembered(digest)).toEqual([REPOSITORY, "team/theirs"]);
  });
});
