import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLocalStore, type Store } from "../../../src/content.ts";
import { type StoreCase, storeContract } from "../../../src/testing.ts";

let open = 0;

/** The contract, for a store on the disk with something else in the place of a method. */
function contractWith(change: (store: Store) => Partial<Store> = () => ({})): readonly StoreCase[] {
  return storeContract(async () => {
    const root = await mkdtemp(join(tmpdir(), "drayage-contract-"));
    const store = await openLocalStore({ root });
    open++;
    const own = change(store);
    return {
      store: new Proxy<Store>(store, {
        get: (target, name) => {
          if (name in own) return Reflect.get(own, name);
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
      dispose: async () => {
        open--;
        await rm(root, { recursive: true });
      },
    };
  });
}

/** Names of the cases that fail, of the blocks whose names begin so; all of them run at the same time. */
async function failures(cases: readonly StoreCase[], block: string): Promise<readonly string[]> {
  const tried = cases.filter(({ name }) => name.startsWith(block));
  expect(tried).not.toEqual([]);
  const ends = await Promise.allSettled(tried.map(({ run }) => run()));
  return tried.flatMap(({ name }, at) => (ends[at]?.status === "rejected" ? [name] : []));
}

describe("storeContract()", () => {
  it("has a name for each case", () => {
    const names = contractWith().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(100);
  });

  it("is kept by a store on the disk, in whatever order, and closes what it opens", async () => {
    expect(await failures(contractWith().toReversed(), "Writer.commit()")).toEqual([]);
    expect(open).toBe(0);
  });

  it("is not kept by a store that takes what it is told for what it has", async () => {
    const cases = contractWith((store) => ({
      writer: async (options) => {
        const writer = await store.writer(options);
        const commit = writer.commit.bind(writer);
        return Object.assign(writer, { commit: () => commit() });
      },
    }));
    expect((await failures(cases, "Writer.commit()")).join()).toContain("CommitErrorState");
    expect(open).toBe(0);
  });

  it("is not kept by a store that knows content which is gone", async () => {
    const cases = contractWith((store) => ({
      info: async (digest) => ({ ...(await store.info(digest).catch(() => ({}))), digest }) as never,
    }));
    expect(await failures(cases, "walk() and delete()")).not.toEqual([]);
    expect(open).toBe(0);
  });
});
