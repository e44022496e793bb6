import { nowNs } from "../../async/wall-clock.ts";
import { exists } from "../../content/exists.ts";
import type { Store } from "../../content/store.ts";
import { type Digest, digestOf } from "../../digest/digest.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import { expectInfo, expectWithin, type StoreUnderTest } from "./store-under-test.ts";

const EMPTY = digestOf("");
const GC_ROOT = "containerd.io/gc.root";

/** Labels, walks, deletes. */
export function describeManager(t: StoreUnderTest): void {
  describe("labels", () => {
    it("Labels: are what commit and update said, all or by path", async () => {
      const bytes = t.fresh(10);
      const committing = nowNs();
      const digest = await t.commit(bytes, { labels: { k1: "v1", k2: "v2", [GC_ROOT]: "x" } });
      const committed = await t.store.info(digest);
      const created = nowNs();
      expectInfo(committed, { bytes, labels: { k1: "v1", k2: "v2", [GC_ROOT]: "x" } });
      expectWithin(committed.createdAtNs, committing, created);

      const updating = nowNs();
      const replaced = await t.store.update({ digest, labels: { k1: "new", k3: "v3", [GC_ROOT]: "x" } });
      expectInfo(replaced, { bytes, labels: { k1: "new", k3: "v3", [GC_ROOT]: "x" } });
      expectWithin(replaced.updatedAtNs, updating);
      expectWithin(replaced.createdAtNs, committing, created);

      const changing = nowNs();
      const paths = ["labels.k3", "labels.k1"];
      const changed = await t.store.update({ digest, labels: { k1: "v1", k2: "not named" } }, paths);
      expectInfo(changed, { bytes, labels: { k1: "v1", [GC_ROOT]: "x" } });
      expectWithin(changed.updatedAtNs, changing);
      expectWithin(changed.createdAtNs, committing, created);
      expect(await t.store.info(digest)).toEqual(changed);

      const dotted = await t.store.update({ digest, labels: { [GC_ROOT]: "" } }, [`labels.${GC_ROOT}`]);
      expect(dotted.labels).toEqual({ k1: "v1" });
      const all = await t.store.update({ digest, labels: { only: "this" } }, ["labels"]);
      expect(all.labels).toEqual({ only: "this" });
      expect((await t.store.update({ digest, labels: {} })).labels).toEqual({});
    });

    it("keep the time of creation, however often they change", async () => {
      const digest = await t.commit(t.fresh(10));
      const { createdAtNs } = await t.store.info(digest);
      for (let round = 0; round < 20; round++) {
        const info = await t.store.update({ digest, labels: { round: String(round) } });
        expect(Math.abs(Number(info.createdAtNs - createdAtNs))).toBeLessThan(1_000); // files keep microseconds
      }
    });

    it("may have any name", async () => {
      const labels = { __proto__x: "1", constructor: "2", "a.b/c d": "3", emoji: "🚢" };
      const own = Object.fromEntries([...Object.entries(labels), ["__proto__", "4"]]);
      const digest = await t.commit(t.fresh(10), { labels: own });
      expect(new Map(Object.entries((await t.store.info(digest)).labels))).toEqual(
        new Map(Object.entries(own)),
      );
      const removed = await t.store.update({ digest, labels: {} }, [
        "labels.constructor",
        "labels.__proto__",
      ]);
      expect(Object.keys(removed.labels).sort()).toEqual(["__proto__x", "a.b/c d", "emoji"]);
    });

    it("may have the empty name where it can be kept", async () => {
      const digest = await t.commit(t.fresh(10), { labels: { k: "v" } });
      const named = t.store.update({ digest, labels: { "": "empty" } }, ["labels."]);
      if (t.traits.keepsEmptyKey) expect((await named).labels).toEqual({ k: "v", "": "empty" });
      else await expect(named).rejects.toMatchObject({ code: "ERR_UNKNOWN" });
      const removed = await t.store.update({ digest, labels: {} }, ["labels."]);
      expect(removed.labels).toEqual({ k: "v" });
    });

    it("are none without a value", async () => {
      const digest = await t.commit(t.fresh(10), { labels: { k1: "v1", k2: "" } });
      expect((await t.store.info(digest)).labels).toEqual({ k1: "v1" });
      const replaced = await t.store.update({ digest, labels: { k1: "", k3: "v3" } });
      expect(replaced.labels).toEqual({ k3: "v3" });
      expect((await t.store.info(digest)).labels).toEqual({ k3: "v3" });
    });

    it("are gone with their blob", async () => {
      const bytes = t.fresh(10);
      const digest = await t.commit(bytes, { labels: { k: "v" } });
      await t.store.delete(digest);
      await t.commit(bytes);
      expect((await t.store.info(digest)).labels).toEqual({});
    });

    it("cannot be updated by other paths, of unknown content, or beyond their size", async () => {
      const digest = await t.commit(t.fresh(10), { labels: { k: "v" } });
      for (const path of ["size", "Labels", ""]) {
        await expect(t.store.update({ digest, labels: {} }, ["labels.k", path])).rejects.toThrow(
          ErrInvalidArgument,
        );
      }
      const long = { digest, labels: { k: "v".repeat(4_096) } };
      await expect(t.store.update(long)).rejects.toThrow(ErrInvalidArgument);
      await expect(t.store.update(long, ["labels.k"])).rejects.toThrow(ErrInvalidArgument);
      expect((await t.store.info(digest)).labels).toEqual({ k: "v" });
      await expect(t.store.update({ digest: EMPTY, labels: {} })).rejects.toThrow(ErrNotFound);
    });
  });

  describe("walk() and delete()", () => {
    it("see every blob once, until it is deleted", async () => {
      const digests: Digest[] = [];
      for (let index = 0; index < 50; index++) digests.push(await t.commit(t.fresh(index), {}));
      expect((await walked(t.store)).sort()).toEqual([...digests].sort());

      const [first = EMPTY, ...others] = digests;
      await t.store.delete(first);
      expect((await walked(t.store)).sort()).toEqual([...others].sort());
      await expect(t.store.info(first)).rejects.toThrow(t.traits.words.missing(first));
      await expect(t.store.delete(first)).rejects.toThrow(ErrNotFound);
    });

    it("find nothing in an empty store", async () => {
      expect(await walked(t.store)).toEqual([]);
      await expect(t.store.delete(EMPTY)).rejects.toThrow(ErrNotFound);
      expect(await exists(t.store, EMPTY)).toBe(false);
    });

    it("refuse a digest that is none", async () => {
      const digest = "sha256:../../../x" as Digest;
      await expect(t.store.info(digest)).rejects.toThrow(ErrInvalidArgument);
      await expect(t.store.delete(digest)).rejects.toThrow(ErrInvalidArgument);
      await expect(t.store.readerAt({ digest })).rejects.toThrow(ErrInvalidArgument);
      await expect(exists(t.store, digest)).rejects.toThrow(ErrInvalidArgument);
    });
  });

  it("every call ends with ErrCanceled when the signal has fired", async () => {
    const digest = await t.commit(t.fresh(10));
    const signal = AbortSignal.abort();
    const calls = [
      t.store.info(digest, { signal }),
      t.store.delete(digest, { signal }),
      t.store.readerAt({ digest }, { signal }),
      t.store.writer({ ref: "r", signal }),
      t.store.status("r", { signal }),
      t.store.listStatuses({ signal }),
      t.store.abort("r", { signal }),
      Promise.resolve(t.store.walk({ signal })[Symbol.asyncIterator]().next()),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "ERR_CANCELED" } });
    }
    expect(await exists(t.store, digest)).toBe(true);
  });
}

async function walked(store: Store): Promise<string[]> {
  const digests: string[] = [];
  for await (const { digest } of store.walk()) digests.push(digest);
  return digests;
}
