import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plainWaiter } from "../../../src/async/waiting.ts";
import {
  exists,
  type LocalStore,
  namespacedStore,
  openLocalStore,
  openNamespaceMetadata,
  type SqliteNamespaceMetadata,
  writeBlob,
} from "../../../src/content.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { tryLockFile } from "../../../src/disk/file-lock.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../../src/errors.ts";
import { spawnChild } from "../support/spawn-child.ts";

const BYTES = Buffer.from("a layer");
const DIGEST = digestOf(BYTES);
const NAME = "docker.io/team/app:v1";

let root: string;
let store: LocalStore;
let other: LocalStore;
let metadata: SqliteNamespaceMetadata;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-owner-"));
  store = await openLocalStore({ root });
  other = await openLocalStore({ root });
  metadata = openNamespaceMetadata({ root });
  await writeBlob(store, "blob", BYTES);
});

afterEach(async () => {
  metadata.close();
  await Promise.all([store.close(), other.close()]);
  await rm(root, { recursive: true, force: true });
});

/** Gives content a name, as an entry of another tool or of ours. */
const name = (digest: Digest, text?: string): Promise<void> =>
  writeFile(
    join(root, "index.json"),
    JSON.stringify({
      manifests: [{ digest, ...(text && { annotations: { "io.containerd.image.name": text } }) }],
    }),
  );

/** Begins work, and gives what ends it. */
async function begin({ owner }: LocalStore): Promise<() => Promise<void>> {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const working = owner.share(async () => {
    begun.resolve();
    await go.promise;
  });
  await begun.promise;
  return async () => {
    go.resolve();
    await working;
  };
}

/** The file of an entry. */
const mark = (kind: string): string => `${DIGEST.replace(":", "-")}.${kind}`;

/** A blob whose deletion was killed, or is under way, with newer work of `store`. */
async function dying(): Promise<{ old: () => Promise<void>; end: () => Promise<void> }> {
  const old = await begin(other);
  await store.delete(DIGEST);
  const end = await begin(store);
  await rename(join(root, "sweep", "0", mark("doomed")), join(root, "sweep", "0", mark("dying")));
  return { old, end };
}

const swept = (): Promise<readonly string[]> => readdir(join(root, "sweep")).catch(() => []);

describe("the owner of a store", () => {
  it("refuses to delete what a name needs, saying which, unless it is forced", async () => {
    await name(DIGEST, NAME);
    const refused = store.delete(DIGEST);
    await expect(refused).rejects.toThrow(ErrFailedPrecondition);
    await expect(refused).rejects.toThrow(`delete content ${DIGEST}: image ${NAME} needs it`);
    expect(await exists(store, DIGEST)).toBe(true);
    await store.delete(DIGEST, { force: true });
    expect(await exists(store, DIGEST)).toBe(false);
    await expect(store.delete(DIGEST, { force: true })).rejects.toThrow(ErrNotFound);
  });

  it("deletes what work may be using only when the last one has left, whoever asked", async () => {
    const go = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const work = store.owner.share(async () => {
      begun.resolve();
      await go.promise;
    });
    await begun.promise;
    await other.delete(DIGEST);
    expect(await exists(store, DIGEST)).toBe(true);
    expect(await swept()).toHaveLength(1);
    go.resolve();
    await work;
    expect(await exists(store, DIGEST)).toBe(false);
    expect(await swept()).toEqual([]);
  });

  it.each(["another", "the same"])(
    "lets work of %s process go on that began after a deletion",
    async (which) => {
      const first = await begin(other);
      await store.delete(DIGEST);
      const later = await begin(which === "another" ? other : store);
      await first();
      expect(await exists(store, DIGEST)).toBe(false);
      await later();
    },
  );

  it("sweeps after work that failed, whose caller was to sweep", async () => {
    const failing = other.owner.share(
      async () => {
        await store.delete(DIGEST);
        expect(await swept()).toEqual(["0"]);
        throw new ErrNotFound("name: not found");
      },
      { callerSweeps: true },
    );
    await expect(failing).rejects.toThrow(ErrNotFound);
    expect([await swept(), await exists(store, DIGEST)]).toEqual([[], false]);
  });

  it("goes on where a sweep was killed before it let a new epoch begin, however much work overlaps", async () => {
    let end = await begin(store);
    await mkdir(join(root, "sweep", "0"), { recursive: true });
    await writeFile(join(root, "sweep", "0", mark("doomed")), NAME);
    const left: boolean[] = [];
    for (let index = 0; index < 3; index++) {
      const next = await begin(store);
      await end();
      end = next;
      left.push(await exists(other, DIGEST));
    }
    await end();
    expect(left).toEqual([true, false, false]);
    expect(await swept()).toEqual([]);
  });

  it("keeps what newer work writes where a sweep was killed between the blob and its entry", async () => {
    const old = await begin(other);
    await store.delete(DIGEST);
    const end = await begin(store);
    await store.delete(DIGEST, { force: true }); // and is killed
    await writeBlob(store, "again", BYTES);
    await old();
    expect(await exists(store, DIGEST)).toBe(true);
    await end();
    expect(await exists(store, DIGEST)).toBe(false);
    expect(await swept()).toEqual([]);
  });

  it("frees what a name let go while work was running that named it and was killed", async () => {
    await name(DIGEST, NAME);
    const old = await begin(other);
    await store.owner.sweep([{ digest: DIGEST, kind: "graph", name: NAME }]);
    await writeFile(join(root, "index.json"), JSON.stringify({ manifests: [] })); // and is killed
    await old();
    expect(await exists(store, DIGEST)).toBe(false);
  });

  it("sweeps what a killed process remembered, when the next one asks", async () => {
    await other.owner.remember({ digest: DIGEST, kind: "blob", name: NAME }); // and is killed
    const heard: unknown[] = [];
    store.owner.onSwept((deleted) => heard.push(...deleted));
    expect(await store.owner.sweep([])).toMatchObject({ kept: false });
    expect(heard).toEqual([{ digest: DIGEST, name: NAME }]);
    expect(await exists(store, DIGEST)).toBe(false);
    expect(await swept()).toEqual([]);
  });

  it("forgets what has a name again", async () => {
    await store.owner.remember({ digest: DIGEST, kind: "graph", name: NAME });
    await name(DIGEST, NAME);
    expect(await store.owner.sweep([])).toEqual({ deleted: [], kept: false });
    expect(await exists(store, DIGEST)).toBe(true);
    expect(await swept()).toEqual([]);
  });

  it("keeps what it is asked for when the signal fires first, for later", async () => {
    const entry = { digest: DIGEST, kind: "blob", name: "" } as const;
    expect(await store.owner.sweep([entry], { signal: AbortSignal.abort() })).toEqual({
      deleted: [],
      kept: true,
    });
    await store.owner.share(async () => {});
    expect(await exists(store, DIGEST)).toBe(false);
  });

  it("sweeps once for all who wait for the turn together, and tells each what went by it", async () => {
    const bytes = [BYTES, Buffer.from("another layer"), Buffer.from("one that has a name")];
    const digests = bytes.map((each) => digestOf(each));
    for (const each of bytes) await writeBlob(store, digestOf(each), each);
    await name(digests[2] ?? DIGEST, NAME);
    const rounds: string[][] = [];
    store.owner.onSwept((deleted) => rounds.push(deleted.map(({ digest }) => digest).toSorted()));
    await mkdir(join(root, "locks"), { recursive: true });
    const unlock = tryLockFile(join(root, "locks", "removals"), "exclusive");
    const leaver = new AbortController();
    const sweep = (digest: Digest | undefined, signal?: AbortSignal) => {
      const waits = Promise.withResolvers<void>();
      const waiter = plainWaiter({ signal, show: () => waits.resolve() });
      const swept = store.owner.sweep([{ digest: digest ?? DIGEST, kind: "blob", name: "" }], {
        signal,
        waiter,
      });
      return { swept, waits: waits.promise };
    };
    const calls = [sweep(digests[0]), sweep(digests[0]), sweep(digests[1], leaver.signal), sweep(digests[2])];
    const sweeps = Promise.all(calls.map(({ swept }) => swept));
    await Promise.all(calls.map(({ waits }) => waits)); // the first to come would have a sweep of its own
    leaver.abort();
    unlock?.();
    const outcomes = await sweeps;
    expect(outcomes.map(({ kept }) => kept)).toEqual([false, false, true, false]);
    const [one, two, ...others] = outcomes.map(({ deleted }) => deleted);
    expect([...(one ?? []), ...(two ?? [])]).toEqual([digests[0]]);
    expect(others).toEqual([[], []]);
    expect(rounds).toEqual([digests.slice(0, 2).toSorted()]);
    expect(await swept()).toEqual([]);
  });

  it("lets whoever wants a blob that is being deleted wait until it is gone, as far as the signal allows", async () => {
    const { old, end } = await dying();
    const unlock = tryLockFile(join(root, "locks", "removals"), "exclusive"); // the one who deletes it
    const leaver = new AbortController();
    const [leaving, waiting] = [store.info(DIGEST, { signal: leaver.signal }), exists(store, DIGEST)];
    leaver.abort();
    await expect(leaving).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await rm(join(root, "blobs", ...DIGEST.split(":")));
    await rm(join(root, "sweep", "0", mark("dying")));
    expect(await waiting).toBe(false);
    unlock?.();
    await old();
    await end();
  });

  it("gives a blob to whoever wants it when its deletion was killed, and frees it after them", async () => {
    const { old, end } = await dying();
    expect(await exists(store, DIGEST)).toBe(true);
    await old();
    expect(await exists(store, DIGEST)).toBe(true);
    await end();
    expect(await exists(store, DIGEST)).toBe(false);
    expect(await swept()).toEqual([]);
  });

  it("goes on with a deletion that was killed when nobody wants the blob", async () => {
    const { old, end } = await dying();
    await old();
    expect(await exists(other, DIGEST)).toBe(false);
    expect(await swept()).toEqual([]);
    await end();
  });

  it("waits for the end of a few epochs only, and frees all when the oldest work has ended", async () => {
    const old = await begin(other);
    const ends: Array<() => Promise<void>> = [];
    const digests: Digest[] = [];
    for (let index = 0; index < 20; index++) {
      const bytes = Buffer.from(`layer ${index}`);
      digests.push(digestOf(bytes));
      await writeBlob(store, `layer ${index}`, bytes);
      await store.delete(digestOf(bytes));
      ends.push(await begin(store));
    }
    expect((await swept()).length).toBeLessThan(12);
    await old();
    for (const end of ends) await end();
    for (const digest of digests) expect(await exists(store, digest)).toBe(false);
    expect(await swept()).toEqual([]);
  });

  it("sweeps with any work that ends what a process held that was killed, however much work overlaps", async () => {
    const child = spawnChild(["hold", join(root, "locks", "in-use"), "shared"]);
    expect(await child.line()).toBe("locked");
    await store.delete(DIGEST);
    const later = await begin(store);
    await child.kill();
    const latest = await begin(store);
    expect(await exists(other, DIGEST)).toBe(true);
    await later();
    expect(await exists(other, DIGEST)).toBe(false);
    await latest();
  });

  it("lets work end that finds the turn taken, and what it left to the one who has it", async () => {
    const end = await begin(store);
    await store.owner.remember({ digest: DIGEST, kind: "blob", name: NAME });
    const unlock = tryLockFile(join(root, "locks", "removals"), "exclusive");
    await end();
    expect(await exists(store, DIGEST)).toBe(true);
    unlock?.();
    await other.owner.sweep([]);
    expect(await exists(store, DIGEST)).toBe(false);
  });

  it("tells the name that content had also when work kept it for a while", async () => {
    const heard: unknown[] = [];
    const end = await begin(store);
    store.owner.onSwept((deleted) => heard.push(...deleted));
    await store.owner.sweep([{ digest: DIGEST, kind: "graph", name: NAME }]);
    expect(await readFile(join(root, "sweep", "0", mark("doomed")), "utf8")).toBe("");
    await end();
    expect(heard).toEqual([{ digest: DIGEST, name: NAME }]);
  });

  it("keeps for a name what the last namespace lets go, and frees it with the name", async () => {
    const view = namespacedStore(store, metadata, { namespace: "one" });
    const bytes = Buffer.from("of the namespace first");
    const digest = digestOf(bytes);
    await writeBlob(view, "blob", bytes);
    await name(digest);
    await view.delete(digest);
    expect(await exists(view, digest)).toBe(false);
    expect(await exists(store, digest)).toBe(true);
    await writeFile(join(root, "index.json"), JSON.stringify({ manifests: [] }));
    await store.owner.sweep([{ digest, kind: "graph", name: "" }]);
    expect(await exists(store, digest)).toBe(false);
  });

  it("keeps for a namespace what a name lets go, and frees it with the namespace", async () => {
    await name(DIGEST);
    const view = namespacedStore(store, metadata, { namespace: "one" });
    await writeBlob(view, "blob", BYTES, { digest: DIGEST, size: BYTES.length });
    await writeFile(join(root, "index.json"), JSON.stringify({ manifests: [] }));
    await store.owner.sweep([{ digest: DIGEST, kind: "graph", name: "" }]);
    expect(await exists(view, DIGEST)).toBe(true);
    await view.delete(DIGEST);
    expect(await exists(store, DIGEST)).toBe(false);
  });

  it("frees what a namespace let go right before its process was killed", async () => {
    const view = namespacedStore(other, metadata, { namespace: "one" });
    const bytes = Buffer.from("of the namespace");
    const digest = digestOf(bytes);
    await writeBlob(view, "blob", bytes);
    await other.owner.remember({ digest, kind: "blob", name: "" });
    await metadata.remove("one", digest); // and is killed
    await store.owner.share(async () => {});
    expect(await exists(store, digest)).toBe(false);
  });
});
