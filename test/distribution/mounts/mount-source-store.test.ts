import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { temporaryPath } from "../../../src/disk/temporary-files.ts";
import { MountSourceStore } from "../../../src/distribution/mounts/mount-source-store.ts";

const DIGEST = digestOf("layer");
const OTHER = digestOf("other");

let root: string;
let store: MountSourceStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-mounts-"));
  store = new MountSourceStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const source = (repository: string, hmac = ""): { repository: string; hmac: string } => ({
  repository,
  hmac,
});

describe("MountSourceStore", () => {
  it("knows nothing at first and makes nothing for a question", async () => {
    expect(await store.list(DIGEST)).toEqual([]);
    expect(await readdir(root)).toEqual([]);
  });

  it("lists the newest first, also after it was opened again", async () => {
    await store.add(DIGEST, source("a.example/one"));
    await store.add(DIGEST, source("a.example/two", "mac"));
    const expected = [source("a.example/two", "mac"), source("a.example/one")];
    expect(await store.list(DIGEST)).toEqual(expected);
    expect(await new MountSourceStore(root).list(DIGEST)).toEqual(expected);
  });

  it("moves a source that is added again to the front", async () => {
    for (const repository of ["a.example/one", "a.example/two", "a.example/one"]) {
      await store.add(DIGEST, source(repository));
    }
    expect(await store.list(DIGEST)).toEqual([source("a.example/one"), source("a.example/two")]);
  });

  it("keeps the newest 50", async () => {
    for (let index = 0; index < 55; index++) await store.add(DIGEST, source(`a.example/r${index}`));
    const kept = await store.list(DIGEST);
    expect(kept).toHaveLength(50);
    expect(kept.at(0)).toEqual(source("a.example/r54"));
    expect(kept.at(-1)).toEqual(source("a.example/r5"));
  });

  it("removes exactly one source", async () => {
    await store.add(DIGEST, source("a.example/one", "mac"));
    await store.add(DIGEST, source("a.example/one"));
    await store.remove(DIGEST, source("a.example/one", "mac"));
    expect(await store.list(DIGEST)).toEqual([source("a.example/one")]);
  });

  it("loses nothing when many are added at once", async () => {
    const repositories = Array.from({ length: 20 }, (_, index) => `a.example/r${index}`);
    await Promise.all(repositories.map((repository) => store.add(DIGEST, source(repository))));
    expect((await store.list(DIGEST)).map(({ repository }) => repository).toSorted()).toEqual(
      repositories.toSorted(),
    );
  });

  it("forgets in a prune what is not here, and leaves what another process is writing", async () => {
    await store.add(DIGEST, source("a.example/one"));
    await store.add(OTHER, source("a.example/two"));
    const folder = join(root, "mounts", "sha256");
    const written = temporaryPath(join(folder, OTHER.slice(7)));
    await writeFile(written, "");
    await store.prune(async (digest) => digest === DIGEST);
    expect((await readdir(folder)).toSorted()).toEqual([DIGEST.slice(7), basename(written)].toSorted());
    expect(await store.list(DIGEST)).toEqual([source("a.example/one")]);
  });

  it.each([
    ["is there again", async () => {}, ["a.example/one"]],
    [
      "has come with a source of its own",
      async () => await new MountSourceStore(root).add(DIGEST, source("a.example/two")),
      ["a.example/two"],
    ],
  ])("keeps what a blob needs that %s after it was looked for", async (_, comes, expected) => {
    await store.add(DIGEST, source("a.example/one"));
    let looks = 0;
    await store.prune(async () => {
      if (++looks === 2) await comes();
      return looks === 2;
    });
    expect((await store.list(DIGEST)).map(({ repository }) => repository)).toEqual(expected);
    expect(await readdir(join(root, "mounts", "sha256"))).toEqual([DIGEST.slice(7)]);
  });

  it("fails no change that is made during prunes", async () => {
    const others = new MountSourceStore(root);
    const over = new AbortController();
    const pruning = (async () => {
      while (!over.signal.aborted) await others.prune(async () => false);
    })();
    for (let index = 0; index < 50; index++) await store.add(DIGEST, source(`a.example/r${index}`));
    over.abort();
    await pruning;
  });

  it.each(["", "[", '{"a":1}', '[1, {"repository": 5}, null]', `[${" ".repeat(70_000)}]`])(
    "takes a damaged file for no hint",
    async (content) => {
      await store.add(DIGEST, source("a.example/one"));
      await writeFile(join(root, "mounts", "sha256", DIGEST.slice(7)), content);
      expect(await store.list(DIGEST)).toEqual([]);
    },
  );
});
