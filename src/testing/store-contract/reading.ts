import { digestOf } from "../../digest/digest.ts";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** Random access. */
export function describeReading(t: StoreUnderTest): void {
  describe("readerAt()", () => {
    it("SmallBlob: reads any part, and less at the end", async () => {
      const digest = await t.commit(Buffer.from("foobar"));
      const reader = await t.store.readerAt({ digest });
      const buffer = Buffer.alloc(7, ".");
      expect(reader.size).toBe(6);
      expect(await reader.readAt(buffer, 0)).toBe(6);
      expect(buffer.toString()).toBe("foobar.");
      expect(await reader.readAt(buffer.subarray(0, 2), 3)).toBe(2);
      expect(buffer.toString()).toBe("baobar.");
      expect(await reader.readAt(buffer, 6)).toBe(0);
      expect(await reader.readAt(buffer, 1_000)).toBe(0);
      await expect(reader.readAt(buffer, -1)).rejects.toThrow(ErrInvalidArgument);
      await reader.close();
      await reader.close();
      await expect(reader.readAt(buffer, 0)).rejects.toThrow(ErrFailedPrecondition);
    });

    it("changes no time", async () => {
      const digest = await t.commit(t.fresh(1_000));
      const before = await t.store.info(digest);
      await t.read(digest);
      expect(await t.store.info(digest)).toEqual(before);
    });

    it("reads on after its blob was deleted, or says that it was", async () => {
      const bytes = t.fresh(1_000);
      const digest = await t.commit(bytes);
      await using reader = await t.store.readerAt({ digest });
      await t.store.delete(digest);
      const buffer = Buffer.alloc(1_000);
      const read = reader.readAt(buffer, 0);
      if (t.traits.readsDeleted) {
        expect(await read).toBe(1_000);
        expect(buffer.equals(bytes)).toBe(true);
      } else {
        await expect(read).rejects.toThrow(ErrNotFound);
        await expect(read).rejects.toThrow(t.traits.words.missing(digest));
      }
    });

    it("throws ErrNotFound for content that is not there", async () => {
      const digest = digestOf(t.fresh(10));
      await expect(t.store.readerAt({ digest })).rejects.toThrow(ErrNotFound);
    });
  });
}
