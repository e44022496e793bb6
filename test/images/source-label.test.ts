import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LocalStore, openLocalStore, type Store, writeBlob } from "../../src/content.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { LabelTurns } from "../../src/images/label-turns.ts";
import { sourceLabelHandler, sourcesOf } from "../../src/images/source-label.ts";
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
