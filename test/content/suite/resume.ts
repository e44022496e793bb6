import { describe, expect, it } from "vitest";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { pieces } from "../support/pieces.ts";
import { expectDigest, expectInfo, expectWithin, type StoreUnderTest } from "./store-under-test.ts";

/** Writers on refs that hold bytes. */
export function describeResume(t: StoreUnderTest): void {
  describe("writer() on a ref with bytes", () => {
    it("goes on where the earlier one stopped, and touches no time", async () => {
      const bytes = t.fresh(256);
      const hints = { ref: "resume", size: 256, expected: digestOf(bytes) };
      const opened = Date.now();
      const first = await t.store.writer(hints);
      const started = Date.now();
      await first.write(bytes.subarray(0, 128));
      const written = Date.now();
      await first.close();

      const second = await t.store.writer(hints);
      const status = await second.status();
      expect(status).toMatchObject({ ref: "resume", offset: 128, total: 256 });
      expectWithin(status.startedAt, opened, started);
      expectWithin(status.updatedAt, opened, written);
      expectDigest(second, bytes.subarray(0, 128));
      await second.write(bytes.subarray(128));
      expect(await second.status()).toMatchObject({ offset: 256 });
      await second.commit();
      expectInfo(await t.store.info(digestOf(bytes)), { bytes });
    });

    const sizes = [500, 5_000, 50_000];
    const grid = sizes.flatMap((size) => [0, 0.1, 0.5, 0.9, 1].map((part) => [part * size, size] as const));

    it.each(grid)("can truncate and write anew: %d of %d bytes", async (limit, size) => {
      const bytes = t.fresh(size);
      await t.leave("truncate", t.fresh(limit), size);

      const writer = await t.store.writer({ ref: "truncate", size });
      expect((await writer.status()).offset).toBe(limit);
      await writer.truncate(0);
      expect((await writer.status()).offset).toBe(0);
      expectDigest(writer, Buffer.alloc(0));
      await writer.write(bytes);
      await writer.commit({ size, expected: digestOf(bytes) });
      expectInfo(await t.store.info(digestOf(bytes)), { bytes });
      expect((await t.read(digestOf(bytes))).equals(bytes)).toBe(true);
    });

    it.each(grid)("lets writeBlob drop what is there: %d of %d bytes", async (limit, size) => {
      const bytes = t.fresh(size);
      const descriptor = { size, digest: digestOf(bytes) };
      await t.leave("discard", bytes.subarray(0, limit), size);
      await writeBlob(t.store, "discard", pieces(bytes, 333), descriptor);
      await t.leave("copy", bytes.subarray(0, limit), size);
      await writeBlob(t.store, "copy", bytes, descriptor);
      expect((await t.read(descriptor.digest)).equals(bytes)).toBe(true);
    });

    it("starts anew when another size is announced, whatever was there", async () => {
      const bytes = t.fresh(100);
      await t.leave("sizes", t.fresh(900), 1_000);
      const writer = await t.store.writer({ ref: "sizes", size: 100 });
      expect(await writer.status()).toMatchObject({ offset: 0, total: 100 });
      await writer.write(bytes);
      expect(await writer.commit()).toBe(digestOf(bytes));
      expectInfo(await t.store.info(digestOf(bytes)), { bytes });
    });

    it("keeps the announced size when none is announced this time", async () => {
      await t.leave("sizes", t.fresh(90), 1_000);
      const writer = await t.store.writer({ ref: "sizes" });
      expect(await writer.status()).toMatchObject({ offset: 90, total: 1_000 });
      await writer.close();
    });
  });
}
