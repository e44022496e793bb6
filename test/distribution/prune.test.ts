import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openWriter, writeBlob } from "../../src/content.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss } from "../../src/errors.ts";
import { openDistribution } from "../../src/index.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { damage } from "../content/support/damage.ts";
import { blobsOn, type Engine, failureOf, openEngine } from "./support/engine.ts";
import { until } from "./support/until.ts";

const OWN = Buffer.from("an engine's own");
const DIGEST = digestOf(OWN);
const NOW = { minAgeMs: 0 };
const HALF_MADE = "0".repeat(64);

let registry: TestRegistry;
let engine: Engine;
let name: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  engine = await openEngine();
  await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
  name = `${registry.host}/team/app:v1`;
  await engine.pull(name);
  await writeBlob(engine.content, "own", OWN);
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
});

/** Leaves an ingest as a writer does that was closed. */
async function leaveIngest(ref: string, bytes: number): Promise<void> {
  const writer = await openWriter(engine.content, { ref });
  await writer.write(Buffer.alloc(bytes));
  await writer.close();
}

/** Makes a file or folder a year old. */
async function age(...path: readonly string[]): Promise<void> {
  await stamp(-365, ...path);
}

/** Gives a file or folder a time that is so many days from now. */
async function stamp(days: number, ...path: readonly string[]): Promise<void> {
  const then = Date.now() / 1_000 + days * 86_400;
  await utimes(join(engine.root, ...path), then, then);
}

describe("prune()", () => {
  it("removes what nothing refers to, and tells what that freed", async () => {
    await leaveIngest("broken off", 1_000);
    const seen: unknown[] = [];
    engine.events.on("delete", (event) => seen.push(event));
    expect(await engine.prune(NOW)).toEqual({
      deleted: [DIGEST],
      abortedIngests: ["broken off"],
      discarded: [],
      layers: [],
      reclaimedBytes: OWN.length + 1_000,
    });
    expect(seen).toEqual([{ name: "", digest: DIGEST, cause: "prune" }]);
    expect(await blobsOn(engine.root)).toHaveLength(3);
    expect(await engine.content.listStatuses()).toEqual([]);
    expect(await engine.prune(NOW)).toEqual({
      deleted: [],
      abortedIngests: [],
      discarded: [],
      layers: [],
      reclaimedBytes: 0,
    });
  });

  it("only tells in a dry run", async () => {
    await leaveIngest("broken off", 1_000);
    expect(await engine.prune({ ...NOW, dryRun: true })).toMatchObject({ deleted: [DIGEST] });
    expect(await blobsOn(engine.root)).toHaveLength(4);
    expect(await engine.content.listStatuses()).toHaveLength(1);
  });

  it("removes what a clock wrote that has been set back since only where age does not matter", async () => {
    await leaveIngest("broken off", 1_000);
    const [ingest = ""] = await readdir(join(engine.root, "ingest"));
    const inThreeDays = new Date(Date.now() + 3 * 86_400_000).toISOString();
    await writeFile(join(engine.root, "ingest", ingest, "updatedat"), inThreeDays);
    await stamp(3, "blobs", "sha256", DIGEST.slice("sha256:".length));
    expect(await engine.prune({ minAgeMs: 1 })).toMatchObject({ deleted: [], abortedIngests: [] });
    expect(await engine.prune(NOW)).toMatchObject({ deleted: [DIGEST], abortedIngests: ["broken off"] });
  });

  it("keeps what is younger than the age, by default a day", async () => {
    await leaveIngest("broken off", 1_000);
    expect(await engine.prune()).toEqual({
      deleted: [],
      abortedIngests: [],
      discarded: [],
      layers: [],
      reclaimedBytes: 0,
    });
    await age("blobs", "sha256", DIGEST.slice("sha256:".length));
    expect(await engine.prune()).toMatchObject({ deleted: [DIGEST], abortedIngests: [] });
  });

  it("leaves an ingest that is being written, and removes one that is half made", async () => {
    await using writer = await openWriter(engine.content, { ref: "open" });
    await writer.write(Buffer.alloc(10));
    await mkdir(join(engine.root, "ingest", HALF_MADE));
    await writeFile(join(engine.root, "ingest", HALF_MADE, "data"), Buffer.alloc(70));
    await age("ingest", HALF_MADE);
    expect(await engine.prune()).toMatchObject({
      deleted: [],
      abortedIngests: [HALF_MADE],
      reclaimedBytes: 70,
    });
    expect(await engine.prune(NOW)).toMatchObject({ abortedIngests: [] });
    await writer.commit();
  });

  it("removes damaged bytes that were set aside, and no database", async () => {
    await damage(engine.root, DIGEST, "flipped");
    await engine.check();
    await writeFile(join(engine.root, "meta.db.damaged-2026"), "lost");
    const aside = { count: 2, bytes: OWN.length + 4 };
    expect(await engine.diskUsage()).toMatchObject({ setAside: aside });
    expect(await engine.prune()).toMatchObject({ discarded: [], reclaimedBytes: 0 });
    const would = { deleted: [], discarded: [DIGEST], reclaimedBytes: OWN.length };
    expect(await engine.prune({ ...NOW, dryRun: true })).toMatchObject(would);
    expect(await engine.prune(NOW)).toMatchObject(would);
    expect(await engine.diskUsage()).toMatchObject({ setAside: { count: 1, bytes: 4 } });
  });

  it("is not held by a pipe in the place of a document or of a hint", async () => {
    const { target } = await engine.images.get(name);
    const hex = target.digest.slice("sha256:".length);
    const pipes = [join(engine.root, "mounts", "sha256", hex), join(engine.root, "blobs", "sha256", hex)];
    await mkdir(dirname(pipes[0] ?? ""), { recursive: true });
    await rm(pipes[1] ?? "");
    await promisify(execFile)("mkfifo", pipes);
    expect((await failureOf(engine.push(name))).message).toContain(target.digest);
    expect((await engine.prune(NOW)).deleted).toEqual([DIGEST]);
    await engine.remove(name);
    expect(await engine.images.list()).toEqual([]);
  });

  it("keeps what an image needs whose manifest was damaged and set aside", async () => {
    const { target } = await engine.images.get(name);
    await damage(engine.root, target.digest, "flipped");
    await engine.check();
    expect((await engine.prune(NOW)).deleted).toEqual([DIGEST]);
    expect(await engine.check({ repair: true })).toMatchObject({ whole: true });
    expect(await engine.content.listStatuses()).toEqual([]);
  });

  it("removes what killed processes left", async () => {
    const left = [
      ["index.json.0123456789ab.tmp"],
      ["oci-layout.0123456789ab.tmp"],
      ["meta.db.0123456789ab.tmp"],
      ["mounts", "sha256", "1".repeat(64)],
      ["mounts", "sha256", `${DIGEST.slice("sha256:".length)}.0123456789ab.tmp`],
      ["endpoints", `${"3".repeat(64)}.0123456789ab.tmp`],
      ["v1-layers", `${"3".repeat(64)}.0123456789ab.tmp`],
      ["locks", "2".repeat(64)],
      ["locks", `endpoint-${"3".repeat(64)}`],
      ["locks", `layer-make-sha256-${"4".repeat(64)}`],
      ["locks", `layer-use-sha512-${"4".repeat(128)}`],
      ["locks", "layer-staging-0123456789abcdef"],
      ["layers", "uses", `${"3".repeat(64)}.0123456789ab.tmp`],
      ["layers", "l", "AbCd_-01.0123456789ab.tmp"],
    ];
    for (const path of left) await mkdir(join(engine.root, ...path.slice(0, -1)), { recursive: true });
    for (const path of left) await writeFile(join(engine.root, ...path), "");
    for (const path of left.filter(([top]) => !/^(index|oci)/.test(top ?? ""))) await age(...path);
    await engine.prune(NOW);
    expect((await readdir(engine.root)).filter((file) => file.endsWith(".tmp"))).toEqual([]);
    expect(await readdir(join(engine.root, "mounts", "sha256"))).toEqual([]);
    for (const folder of ["endpoints", "v1-layers", "layers/uses", "layers/l"]) {
      expect(await readdir(join(engine.root, folder))).toEqual([]);
    }
    const locks = (await readdir(join(engine.root, "locks"))).toSorted();
    expect(locks).toEqual(["epochs", "index", "layers", "reserve"]);
  });

  it("waits for work, which needs more than names say, as long as its signal allows", async () => {
    const go = Promise.withResolvers<void>();
    const working = engine.withLease(() => go.promise);
    const controller = new AbortController();
    const leaving = engine.prune({ ...NOW, signal: controller.signal });
    const pruned = engine.prune(NOW);
    controller.abort();
    expect(await failureOf(leaving)).toBeInstanceOf(ErrCanceled);
    expect(await blobsOn(engine.root)).toHaveLength(4);
    go.resolve();
    await working;
    expect(await pruned).toMatchObject({ deleted: [DIGEST] });
  });

  it("removes nothing when the names cannot be read", async () => {
    await writeFile(join(engine.root, "index.json"), "{");
    expect(await failureOf(engine.prune(NOW))).toBeInstanceOf(ErrDataLoss);
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });
});

describe("diskUsage()", () => {
  it("counts ingests whose beginning or removal was broken off", async () => {
    for (const name of [HALF_MADE, `${HALF_MADE}.0123456789ab.removed`]) {
      await mkdir(join(engine.root, "ingest", name), { recursive: true });
      await writeFile(join(engine.root, "ingest", name, "data"), Buffer.alloc(70));
    }
    expect(await engine.diskUsage()).toMatchObject({ ingests: { count: 2, bytes: 140 } });
  });

  it("tells content, what is unreferenced, ingests, and what each image shares", async () => {
    await leaveIngest("broken off", 1_000);
    await engine.tag(name, "copy");
    await buildImage(registry, "team/app", { tag: "v2", layers: [9_000] });
    await engine.pull(`${registry.host}/team/app:v2`);
    const { content, unreferenced, ingests, images } = await engine.diskUsage();
    expect(content.count).toBe(7);
    expect(unreferenced).toEqual({ count: 1, bytes: OWN.length });
    expect(ingests).toEqual({ count: 1, bytes: 1_000 });
    const [one, two, copy] = images;
    expect(one).toMatchObject({ name, uniqueBytes: 0, sharedBytes: one?.bytes });
    expect(copy).toMatchObject({ name: "docker.io/library/copy:latest", bytes: one?.bytes });
    expect(two).toMatchObject({ sharedBytes: 0, uniqueBytes: two?.bytes });
    expect((one?.bytes ?? 0) + (two?.bytes ?? 0) + OWN.length).toBe(content.bytes);
  });
});

describe("withLease()", () => {
  it("keeps content without a name while it runs", async () => {
    const result = await engine.withLease(async () => {
      await engine.content.delete(DIGEST);
      await engine.remove(name);
      expect(await blobsOn(engine.root)).toHaveLength(4);
      return 7;
    });
    expect(result).toBe(7);
    expect(await blobsOn(engine.root)).toEqual([]);
  });

  it.each([
    ["its signal", async (own: AbortController) => own.abort()],
    ["abort()", async () => engine.abort()],
    ["a close() that waits no longer", async () => await engine.close({ signal: AbortSignal.abort() })],
  ])("is over for its caller by %s, and keeps content until the work has ended", async (_by, end) => {
    const own = new AbortController();
    const go = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    const working = engine.withLease(
      (signal) => {
        signal.addEventListener("abort", () => told.resolve());
        return go.promise;
      },
      { signal: own.signal },
    );
    const failure = failureOf(working);
    await using other = await openDistribution({ root: engine.root });
    await until(() => existsSync(join(engine.root, "locks", "in-use")));

    await end(own);
    expect(await failure).toBeInstanceOf(ErrCanceled);
    await told.promise;
    expect(await other.remove(name)).toMatchObject({ kept: true });
    go.resolve();
    await other.prune(NOW);
    expect(await blobsOn(engine.root)).toEqual([]);
  });
});
