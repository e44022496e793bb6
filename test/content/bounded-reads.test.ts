import { describe, expect, it } from "vitest";
import { Semaphore } from "../../src/async/semaphore.ts";
import { boundedReads } from "../../src/content/bounded-reads.ts";
import type { InfoProvider, Provider } from "../../src/content/store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrNotFound } from "../../src/errors/classes.ts";
import { flush } from "../xfer/flush.ts";

const WANTED = { digest: digestOf("crane") };

/** A store that counts how many of its blobs are open; its first `failures` blobs cannot be opened. */
function counting(failures = 0): Provider & InfoProvider & { open: number } {
  let calls = 0;
  const store = {
    open: 0,
    info: () => Promise.reject(new ErrNotFound("no info")),
    async readerAt() {
      calls++;
      if (calls <= failures) throw new ErrNotFound("gone");
      store.open++;
      const close = async (): Promise<void> => {
        store.open--;
      };
      return { size: 1, readAt: async () => 1, close, [Symbol.asyncDispose]: close };
    },
  };
  return store;
}

describe("boundedReads()", () => {
  it("opens as many blobs at once as the limiter lets through, and all in the end", async () => {
    const store = counting();
    const bounded = boundedReads(store, new Semaphore(2));
    let done = 0;
    const reads = Array.from({ length: 10 }, async () => {
      await using _ = await bounded.readerAt(WANTED);
      expect(store.open).toBeLessThanOrEqual(2);
      await flush();
      done++;
    });
    await Promise.all(reads);
    expect([done, store.open]).toEqual([10, 0]);
  });

  it("gives the place of a blob that cannot be opened to the next one", async () => {
    const bounded = boundedReads(counting(3), new Semaphore(1));
    for (let call = 0; call < 3; call++) await expect(bounded.readerAt(WANTED)).rejects.toThrow("gone");
    await (await bounded.readerAt(WANTED)).close();
  });
});
