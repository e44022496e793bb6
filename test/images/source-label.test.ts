import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LocalStore, openLocalStore, type Store, writeBlob } from "../../src/content.ts";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { isNotFound } from "../../src/errors.ts";
import { LabelTurns } from "../../src/images/label-turns.ts";
import { labelSources, sourceLabelHandler, sourcesOf } from "../../src/images/source-label.ts";
import type { Descriptor } from "../../src/images.ts";

const BYTES = Buffer.from("a layer");
const HOST = "registry.example";
const target: Descriptor = { digest: digestOf(BYTES), size: BYTES.length, mediaType: "application/x" };

let root: string;
/** Two processes on one root, as far as the disk is concerned. */
let stores: readonly LocalStore[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-labels-"));
  stores = await Promise.all([openLocalStore({ root }), openLocalStore({ root })]);
  await writeBlob(stores[0] as Store, "blob", BYTES, target);
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await rm(root, { recursive: true, force: true });
});

describe("sourceLabelHandler()", () => {
  it("loses no source when two processes write the same list", async () => {
    const repositories = Array.from({ length: 20 }, (_, number) => `team/app${number}`);
    const turns = stores.map(() => new LabelTurns());
    await Promise.all(
      repositories.map(async (repository, number) => {
        const at = number % stores.length;
        const options = { host: HOST, repository, turns: turns[at] as LabelTurns };
        await sourceLabelHandler(stores[at] as Store, options)(target, {});
      }),
    );
    const { labels } = await (stores[0] as Store).info(target.digest);
    expect(sourcesOf(labels, HOST)).toEqual(repositories.toSorted());
  });

  it("writes nothing where the source is known, and leaves a list as it is that would grow too long", async () => {
    const [store] = stores as [LocalStore];
    const label = (repository: string) =>
      sourceLabelHandler(store, { host: HOST, repository, turns: new LabelTurns() })(target, {});
    await label("team/app");
    const before = await store.info(target.digest);
    await label("team/app");
    await label("x".repeat(4_096));
    expect(await store.info(target.digest)).toEqual(before);
    expect(sourcesOf(before.labels, HOST)).toEqual(["team/app"]);
  });
});

function label(
  store: Store,
  digests: readonly Digest[],
  onFailure?: (error: unknown) => void,
): Promise<boolean> {
  const options = { host: HOST, repository: "team/app", turns: new LabelTurns(), onFailure };
  return labelSources(store, digests, options);
}

async function makeBlobs(store: Store, count: number): Promise<readonly Digest[]> {
  const texts = Array.from({ length: count }, (_, number) => Buffer.from(`blob ${number}`));
  await Promise.all(
    texts.map((bytes, number) =>
      writeBlob(store, `blob ${number}`, bytes, { digest: digestOf(bytes), size: bytes.length }),
    ),
  );
  return texts.map((bytes) => digestOf(bytes));
}

describe("labelSources()", () => {
  it("labels every blob of many, in few changes of the store", async () => {
    const [store] = stores as [LocalStore];
    const digests = await makeBlobs(store, 150);
    const edits = vi.spyOn(store, "editLabels");
    expect(await label(store, digests)).toBe(true);
    for (const digest of digests) {
      expect(sourcesOf((await store.info(digest)).labels, HOST)).toEqual(["team/app"]);
    }
    expect(edits.mock.calls.length).toBeLessThan(5);
  });

  it("fails when a blob is missing, and tells of a label that cannot be written once", async () => {
    const [store] = stores as [LocalStore];
    const digests = await makeBlobs(store, 3);
    const failures: unknown[] = [];
    const missing = label(store, [...digests, digestOf("missing")], (error) => failures.push(error));
    expect(await missing.catch(isNotFound)).toBe(true);
    const broken = new Error("no labels today");
    vi.spyOn(store, "editLabels").mockRejectedValue(broken);
    expect(await label(store, digests, (error) => failures.push(error))).toBe(false);
    expect(failures).toEqual([broken]);
  });
});
