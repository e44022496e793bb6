import { describe, expect, it } from "vitest";
import type { CallContext } from "../../../src/content/grpc/call-runner.ts";
import { ReaderCache } from "../../../src/content/grpc/reader-cache.ts";
import type { ReaderAt, Store } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrNotFound } from "../../../src/errors/classes.ts";

const DIGEST = digestOf("blob");

/** Counts what a store is asked for. */
class Counter {
  opened = 0;
  closed = 0;
  /** What the next `readerAt` throws. */
  failure: Error | undefined;

  readonly store = {
    readerAt: async (): Promise<ReaderAt> => {
      if (this.failure) throw this.failure;
      this.opened++;
      const close = async (): Promise<void> => void this.closed++;
      return { size: 4, readAt: async () => 0, close, [Symbol.asyncDispose]: close };
    },
  } as unknown as Store;

  context(namespace?: string): CallContext {
    return { store: this.store, namespace, signal: new AbortController().signal, logger: undefined };
  }
}

describe("ReaderCache", () => {
  it("opens once for calls that follow each other or run at the same time", async () => {
    const counter = new Counter();
    const cache = new ReaderCache();
    const [one, two] = await Promise.all([
      cache.open(DIGEST, counter.context()),
      cache.open(DIGEST, counter.context()),
    ]);
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await using three = await cache.open(DIGEST, counter.context());
    expect(three.reader).toBe(one.reader);
    expect(counter).toMatchObject({ opened: 1, closed: 0 });
    await cache.close();
  });

  it("keeps namespaces apart", async () => {
    const counter = new Counter();
    const cache = new ReaderCache();
    await (await cache.open(DIGEST, counter.context("a")))[Symbol.asyncDispose]();
    await (await cache.open(DIGEST, counter.context("b")))[Symbol.asyncDispose]();
    expect(counter.opened).toBe(2);
    await cache.close();
    expect(counter.closed).toBe(2);
  });

  it("closes a reader that has been shared long enough, once its users are gone", async () => {
    const counter = new Counter();
    const cache = new ReaderCache(1);
    const first = await cache.open(DIGEST, counter.context());
    await expect
      .poll(async () => {
        await using _ = await cache.open(DIGEST, counter.context());
        return counter.opened;
      })
      .toBeGreaterThan(1);
    const closed = counter.closed;
    await first[Symbol.asyncDispose]();
    expect(counter.closed).toBe(closed + 1);
    await expect.poll(() => counter.closed).toBe(counter.opened);
  });

  it("does not give a forgotten blob to anybody new", async () => {
    const counter = new Counter();
    const cache = new ReaderCache();
    const before = await cache.open(DIGEST, counter.context());
    await cache.forget(DIGEST);
    expect(counter.closed).toBe(0);
    counter.failure = new ErrNotFound("gone");
    await expect(cache.open(DIGEST, counter.context())).rejects.toThrow("gone");
    await before[Symbol.asyncDispose]();
    expect(counter.closed).toBe(1);
  });

  it("asks again after a failure", async () => {
    const counter = new Counter();
    const cache = new ReaderCache();
    counter.failure = new ErrNotFound("not yet");
    await expect(cache.open(DIGEST, counter.context())).rejects.toThrow("not yet");
    counter.failure = undefined;
    await using shared = await cache.open(DIGEST, counter.context());
    expect(shared.reader.size).toBe(4);
    await cache.close();
  });

  it("holds a bounded number of readers", async () => {
    const counter = new Counter();
    const cache = new ReaderCache();
    for (let index = 0; index < 500; index++) {
      await using _ = await cache.open(digestOf(String(index)), counter.context());
    }
    await expect.poll(() => counter.opened - counter.closed).toBe(64);
    await cache.close();
    expect(counter).toMatchObject({ opened: 500, closed: 500 });
  });
});
