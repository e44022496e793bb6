import { describe, expect, it } from "vitest";
import { readBlob } from "../../src/content/read-blob.ts";
import type { Provider, ReaderAt } from "../../src/content/store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrDataLoss, ErrFailedPrecondition, ErrNotFound } from "../../src/errors/classes.ts";

/** Holds one blob; says it has `size` bytes. */
function provider(
  content: Uint8Array,
  size = content.byteLength,
): Provider & { opened: number; closed: number } {
  const counts = { opened: 0, closed: 0 };
  return Object.assign(counts, {
    async readerAt(): Promise<ReaderAt> {
      counts.opened++;
      const close = async (): Promise<void> => void counts.closed++;
      return {
        size,
        readAt: async (buffer, offset) => {
          const part = content.subarray(offset, offset + buffer.byteLength);
          buffer.set(part);
          return part.byteLength;
        },
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  });
}

const CONTENT = Buffer.from("foobar");
const DESCRIPTOR = { digest: digestOf(CONTENT), size: 6 };

describe("readBlob()", () => {
  it("reads the bytes of the descriptor and closes the reader", async () => {
    const store = provider(CONTENT);
    expect(Buffer.from(await readBlob(store, DESCRIPTOR)).toString()).toBe("foobar");
    expect(store).toMatchObject({ opened: 1, closed: 1 });
    const sha512 = { digest: digestOf(CONTENT, "sha512"), size: 6 };
    expect(await readBlob(store, sha512)).toHaveLength(6);
  });

  it("opens nothing for a blob that is larger than allowed", async () => {
    const store = provider(CONTENT);
    await expect(readBlob(store, DESCRIPTOR, { maxBytes: 5 })).rejects.toThrow(ErrFailedPrecondition);
    await expect(readBlob(store, { ...DESCRIPTOR, size: 2 ** 40 })).rejects.toThrow(/want at most 8388608$/);
    expect(store.opened).toBe(0);
    expect(await readBlob(store, DESCRIPTOR, { maxBytes: 6 })).toHaveLength(6);
  });

  it("throws ErrDataLoss for a blob that is shorter, longer, or other than described", async () => {
    const cases = [
      provider(CONTENT.subarray(0, 5)),
      provider(Buffer.from("foobarbaz")),
      provider(CONTENT.subarray(0, 5), 6),
      provider(Buffer.from("fooBar")),
    ];
    for (const store of cases) {
      await expect(readBlob(store, DESCRIPTOR)).rejects.toThrow(ErrDataLoss);
      expect(store.closed).toBe(store.opened);
    }
  });

  it("takes what the descriptor holds, and opens nothing", async () => {
    const store = provider(CONTENT);
    const data = CONTENT.toString("base64");
    expect(Buffer.from(await readBlob(store, { ...DESCRIPTOR, data })).toString()).toBe("foobar");
    const empty = { digest: digestOf(""), size: 0, data: "" };
    expect(await readBlob(store, empty)).toHaveLength(0);
    await expect(readBlob(store, { ...DESCRIPTOR, data }, { maxBytes: 5 })).rejects.toThrow(
      ErrFailedPrecondition,
    );
    expect(store.opened).toBe(0);
  });

  it.each(["fooBar", "foobarbaz", "fooba", ""])(
    "asks the store when the descriptor holds %j",
    async (held) => {
      const store = provider(CONTENT);
      const data = Buffer.from(held).toString("base64");
      expect(Buffer.from(await readBlob(store, { ...DESCRIPTOR, data })).toString()).toBe("foobar");
      expect(store.opened).toBe(1);
    },
  );

  it("throws what the store throws, and ErrCanceled when the signal has fired", async () => {
    const empty: Provider = { readerAt: () => Promise.reject(new ErrNotFound("content")) };
    await expect(readBlob(empty, DESCRIPTOR)).rejects.toThrow(ErrNotFound);
    const store = provider(CONTENT);
    await expect(readBlob(store, DESCRIPTOR, { signal: AbortSignal.abort() })).rejects.toThrow(ErrCanceled);
    expect(store.closed).toBe(store.opened);
  });
});
