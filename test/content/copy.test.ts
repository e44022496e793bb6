import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copy } from "../../src/content/copy.ts";
import type { CopySource, SeekableSource } from "../../src/content/copy-source.ts";
import { ErrReset } from "../../src/content/err-reset.ts";
import { exists } from "../../src/content/exists.ts";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { readBlob } from "../../src/content/read-blob.ts";
import type { Writer } from "../../src/content/store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import {
  ErrAborted,
  ErrCanceled,
  ErrDataLoss,
  ErrFailedPrecondition,
  ErrUnknown,
} from "../../src/errors/classes.ts";
import { pieces, randomAccess, seekable } from "../../src/testing/store-contract/pieces.ts";
import { pseudoRandom } from "./support/pseudo-random.ts";

const MIB = 1_048_576;
const BYTES = pseudoRandom("copy", 2_500_000);
const DIGEST = digestOf(BYTES);
const BLOB = { size: BYTES.byteLength, expected: DIGEST };

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "copy-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

/** A writer that holds the first bytes, and notes the length of each piece written from now on. */
async function opened(have: number): Promise<{ readonly writer: Writer; readonly written: number[] }> {
  const writer = await store.writer({ ref: "copy" });
  await writer.write(BYTES.subarray(0, have));
  const written: number[] = [];
  const watched: Writer = Object.assign(Object.create(writer), {
    write(bytes: Uint8Array) {
      written.push(bytes.byteLength);
      return writer.write(bytes);
    },
    status: () => writer.status(),
    commit: (options: Parameters<Writer["commit"]>[0]) => writer.commit(options),
    close: () => writer.close(),
  });
  return { writer: watched, written };
}

async function failWith(error: Error): Promise<never> {
  throw error;
}

function hang(): Promise<never> {
  return new Promise(() => {});
}

describe("copy()", () => {
  const SOURCES: Record<string, () => CopySource> = {
    memory: () => BYTES,
    "a stream": () => pieces(BYTES, 70_000),
    "a stream of large pieces": () => pieces(BYTES, 2_000_000),
    "a seekable stream": () => seekable(BYTES, 70_000),
    "random access": () => randomAccess(BYTES),
  };

  it.each(Object.keys(SOURCES))("writes full pieces of 1 MiB from %s", async (name) => {
    const { writer, written } = await opened(0);
    await copy(writer, SOURCES[name]?.() ?? BYTES, { ...BLOB, labels: { k: "v" } });
    expect(written).toEqual([MIB, MIB, BYTES.byteLength - 2 * MIB]);
    expect((await store.info(DIGEST)).labels).toEqual({ k: "v" });
    expect(digestOf(await readBlob(store, { digest: DIGEST, size: BLOB.size }))).toBe(DIGEST);
  });

  it.each(Object.keys(SOURCES))("goes on where the writer stands with %s", async (name) => {
    const { writer, written } = await opened(100_001);
    await copy(writer, SOURCES[name]?.() ?? BYTES, BLOB);
    expect(written).toEqual([MIB, MIB, BYTES.byteLength - 100_001 - 2 * MIB]);
    expect(await exists(store, DIGEST)).toBe(true);
  });

  it("makes the same blob of any pieces, from any offset", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 700_000 }), { maxLength: 8 }),
      fc.nat({ max: BYTES.byteLength }),
      async (lengths, have) => {
        async function* source(): AsyncGenerator<Uint8Array> {
          let at = 0;
          for (const length of [...lengths, BYTES.byteLength]) {
            yield BYTES.subarray(at, at + length);
            at += length;
          }
        }
        const { writer, written } = await opened(have);
        await copy(writer, source(), BLOB);
        expect(written.slice(0, -1).every((length) => length === MIB)).toBe(true);
        await store.delete(DIGEST);
      },
    );
    await fc.assert(property, { numRuns: 30 });
  });

  it("is content with content that is there already", async () => {
    const { writer } = await opened(0);
    await copy(writer, BYTES, BLOB);
    const { writer: again } = await opened(0);
    await copy(again, BYTES, BLOB);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("needs neither size nor digest, also for nothing at all", async () => {
    for (const source of [
      BYTES,
      new Uint8Array(),
      pieces(new Uint8Array(), 1),
      randomAccess(new Uint8Array()),
    ]) {
      const { writer } = await opened(0);
      await copy(writer, source);
    }
    expect(await exists(store, DIGEST)).toBe(true);
    expect(await exists(store, digestOf(""))).toBe(true);
  });

  it.each([
    ["a stream", () => pieces(BYTES.subarray(0, 99), 10)],
    ["memory", () => BYTES.subarray(0, 99)],
    ["random access", () => randomAccess(BYTES.subarray(0, 99))],
  ])("throws ErrDataLoss when %s does not reach the offset", async (_name, source) => {
    const { writer } = await opened(100);
    const copying = copy(writer, source(), BLOB);
    await expect(copying).rejects.toThrow(ErrDataLoss);
    await expect(copying).rejects.toThrow(
      "unable to resume write to copy: unable to discard to offset 100: source ended at 99",
    );
    await writer.close();
  });

  it("throws ErrDataLoss for a short read, and keeps what was read", async () => {
    const { writer } = await opened(100);
    const copying = copy(writer, BYTES.subarray(0, 2_000_000), BLOB);
    await expect(copying).rejects.toThrow(ErrDataLoss);
    await expect(copying).rejects.toThrow("short read: expected 2499900 bytes but got 1999900");
    expect((await writer.status()).offset).toBe(2_000_000);
    await writer.close();
  });

  it("throws ErrFailedPrecondition for a source that is too long, or has another digest", async () => {
    const { writer } = await opened(0);
    await expect(copy(writer, BYTES, { size: 10 })).rejects.toThrow("source is longer than 10 bytes");
    expect((await writer.status()).offset).toBe(0);
    const wrong = copy(writer, BYTES, { expected: digestOf("") });
    await expect(wrong).rejects.toThrow(ErrFailedPrecondition);
    await expect(wrong).rejects.toThrow(`failed commit on ref "copy": unexpected commit digest ${DIGEST}`);
  });

  it("throws the source's error after writing what came before", async () => {
    const torn = new Error("torn");
    async function* source(): AsyncGenerator<Uint8Array> {
      yield BYTES.subarray(0, 1_500_000);
      throw torn;
    }
    const { writer, written } = await opened(0);
    await expect(copy(writer, source(), BLOB)).rejects.toBe(torn);
    expect(written).toEqual([MIB, 1_500_000 - MIB]);
    await writer.close();
  });

  it("throws the writer's error once, and lets the source go", async () => {
    let released = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield BYTES.subarray(0, MIB);
      } finally {
        released = true;
      }
    }
    const { writer } = await opened(0);
    const full = new Error("no space");
    let calls = 0;
    writer.write = () => {
      calls++;
      throw full;
    };
    await expect(copy(writer, source())).rejects.toBe(full);
    expect(calls).toBe(1);
    expect(released).toBe(true);
    await writer.close();
  });

  it.each([
    [new ErrFailedPrecondition("not now"), ErrFailedPrecondition],
    [new Error("broken"), ErrUnknown],
  ])("tells why a source could not be sought: %s", async (error, errorClass) => {
    const source: SeekableSource = { ...seekable(BYTES, 1_000), seek: () => failWith(error) };
    const { writer } = await opened(100);
    const copying = copy(writer, source, BLOB);
    await expect(copying).rejects.toThrow(errorClass);
    await expect(copying).rejects.toThrow(`unable to resume write to copy: ${error.message}`);
    await writer.close();
  });

  it("throws ErrDataLoss for a source that was sought to another place", async () => {
    const source: SeekableSource = { ...seekable(BYTES, 1_000), seek: async (offset) => offset - 1 };
    const { writer } = await opened(100);
    await expect(copy(writer, source, BLOB)).rejects.toThrow("sought offset 100, got 99");
    await writer.close();
  });

  it.each(["a stream", "random access", "a seek"])("throws ErrCanceled while %s hangs", async (name) => {
    const sources: Record<string, CopySource> = {
      "a stream": { [Symbol.asyncIterator]: () => ({ next: hang }) },
      "random access": { size: 1_000, readAt: hang },
      "a seek": { ...seekable(BYTES, 1_000), seek: hang },
    };
    const controller = new AbortController();
    const { writer } = await opened(100);
    const copying = copy(writer, sources[name] ?? BYTES, { signal: controller.signal });
    queueMicrotask(() => controller.abort());
    await expect(copying).rejects.toThrow(ErrCanceled);
    await writer.close();
  });
});

/** A writer that loses all but `kept` bytes at some of its calls of write and commit, counted from 1. */
async function forgetful(resets: readonly number[], kept = 0): Promise<Writer> {
  const writer = await store.writer({ ref: "copy" });
  let calls = 0;
  const maybeReset = async (): Promise<void> => {
    if (!resets.includes(++calls)) return;
    await writer.truncate(0);
    await writer.write(BYTES.subarray(0, kept));
    throw new ErrReset("writer has been reset");
  };
  return Object.assign(Object.create(writer), {
    status: () => writer.status(),
    close: () => writer.close(),
    write: async (bytes: Uint8Array) => {
      await maybeReset();
      await writer.write(bytes);
    },
    commit: async (options: Parameters<Writer["commit"]>[0]) => {
      await maybeReset();
      return writer.commit(options);
    },
  });
}

describe("copy() to a writer that is reset", () => {
  const REREADABLE: Record<string, () => CopySource> = {
    memory: () => BYTES,
    "a seekable stream": () => seekable(BYTES, 70_000),
    "random access": () => randomAccess(BYTES),
  };

  it.each(Object.keys(REREADABLE))("goes on from where it stands then, with %s", async (name) => {
    for (const kept of [0, 1_500_000]) {
      const writer = await forgetful([1, 3, 7], kept); // the last one in a commit, when nothing is kept
      await copy(writer, REREADABLE[name]?.() ?? BYTES, BLOB);
      expect(digestOf(await readBlob(store, { digest: DIGEST, size: BLOB.size }))).toBe(DIGEST);
      await store.delete(DIGEST);
    }
  });

  it("gives up when it is reset again and again", async () => {
    const writer = await forgetful([1, 2, 3, 4, 5, 6]);
    await expect(copy(writer, BYTES, BLOB)).rejects.toThrow(ErrReset);
    expect(await exists(store, DIGEST)).toBe(false);
    await copy(writer, BYTES, BLOB);
    expect(await exists(store, DIGEST)).toBe(true);
  });

  it("takes no stream for a source that starts anew, whether the size is known or not", async () => {
    for (const options of [BLOB, {}]) {
      const writer = await forgetful([2]);
      const copying = copy(writer, pieces(BYTES, 70_000), options);
      await expect(copying).rejects.toThrow(ErrDataLoss);
      await expect(copying).rejects.toThrow("unable to resume write to copy: source cannot be read again");
      await writer.close();
      expect(await store.status("copy")).toMatchObject({ offset: 0 });
    }
    for await (const info of store.walk()) expect(info).toBeUndefined();
  });

  it("is told apart as what it is, and as aborted", () => {
    const error = new ErrReset("writer has been reset");
    expect(error).toMatchObject({ name: "ErrReset", code: "ERR_ABORTED" });
    expect(error).toBeInstanceOf(ErrAborted);
    expect(new ErrAborted("other")).not.toBeInstanceOf(ErrReset);
  });
});
