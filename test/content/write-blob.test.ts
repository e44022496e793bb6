import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exists } from "../../src/content/exists.ts";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import { writeBlob } from "../../src/content/write-blob.ts";
import { digestOf } from "../../src/digest/digest.ts";
import {
  ErrAlreadyExists,
  ErrCanceled,
  ErrDataLoss,
  ErrFailedPrecondition,
} from "../../src/errors/classes.ts";
import { pieces } from "../../src/testing/store-contract/pieces.ts";
import { pseudoRandom } from "./support/pseudo-random.ts";

let root: string;
let store: LocalStore;
const BYTES = pseudoRandom("write-blob", 10_000);
const DESCRIPTOR = { mediaType: "text/plain", digest: digestOf(BYTES), size: 10_000 };

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "write-blob-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

/** Ends with an error. */
async function* failing(after: Uint8Array, error: unknown): AsyncGenerator<Uint8Array> {
  yield after;
  throw error;
}

describe("writeBlob()", () => {
  it("writes bytes or a stream of them, with labels", async () => {
    await writeBlob(store, "whole", BYTES, { ...DESCRIPTOR, labels: { k: "v" } });
    expect(Buffer.from(await readBlob(store, DESCRIPTOR)).equals(BYTES)).toBe(true);
    expect((await store.info(DESCRIPTOR.digest)).labels).toEqual({ k: "v" });
    await store.delete(DESCRIPTOR.digest);

    await writeBlob(store, "stream", pieces(BYTES, 999), DESCRIPTOR);
    expect(Buffer.from(await readBlob(store, DESCRIPTOR)).equals(BYTES)).toBe(true);
  });

  it("needs neither size nor digest", async () => {
    await writeBlob(store, "plain", pieces(BYTES, 999));
    expect(await exists(store, DESCRIPTOR.digest)).toBe(true);
    await writeBlob(store, "empty", new Uint8Array());
    expect(await exists(store, digestOf(""))).toBe(true);
  });

  it("leaves the source alone when the blob is there, and does not mind one that came meanwhile", async () => {
    await writeBlob(store, "first", BYTES, DESCRIPTOR);
    const source = failing(BYTES, new Error("must not be read"));
    await writeBlob(store, "second", source, DESCRIPTOR);
    await writeBlob(store, "third", BYTES);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("throws the source's error, even one that says exists, and keeps the bytes for the next time", async () => {
    for (const error of [new Error("torn"), new ErrAlreadyExists("of the source")]) {
      await expect(
        writeBlob(store, "torn", failing(BYTES.subarray(0, 4_000), error), DESCRIPTOR),
      ).rejects.toBe(error);
      expect(await store.status("torn")).toMatchObject({ offset: 4_000 });
    }
    await writeBlob(store, "torn", pieces(BYTES, 999), DESCRIPTOR);
    expect(await exists(store, DESCRIPTOR.digest)).toBe(true);
  });

  it("throws ErrDataLoss for a source that ends early, before or after the bytes that are there", async () => {
    const short = writeBlob(store, "short", BYTES.subarray(0, 9_000), DESCRIPTOR);
    await expect(short).rejects.toThrow(ErrDataLoss);
    await expect(short).rejects.toThrow("short read: expected 10000 bytes but got 9000");
    await expect(writeBlob(store, "short", BYTES.subarray(0, 10))).rejects.toThrow(ErrDataLoss);
    expect(await store.status("short")).toMatchObject({ offset: 9_000 });
  });

  it("stops at a source that is too long, and refuses one with another digest", async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read++;
        yield BYTES.subarray(0, 3_000);
      }
    }
    await expect(writeBlob(store, "long", endless(), DESCRIPTOR)).rejects.toThrow(ErrFailedPrecondition);
    expect(read).toBe(4);
    expect((await store.status("long")).offset).toBe(9_000);

    const other = pseudoRandom("other", 10_000);
    await expect(writeBlob(store, "other", other, DESCRIPTOR)).rejects.toThrow("unexpected commit digest");
  });

  it("throws ErrCanceled while the source hangs, tells it, and gives the ref free", async () => {
    const controller = new AbortController();
    let told = false;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next() {
          queueMicrotask(() => controller.abort());
          return new Promise(() => {});
        },
        async return() {
          told = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const writing = writeBlob(store, "hangs", source, { signal: controller.signal });
    await expect(writing).rejects.toThrow(ErrCanceled);
    expect(told).toBe(true);
    await (await store.writer({ ref: "hangs" })).close();
  });
});
