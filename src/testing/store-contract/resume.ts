import { nowNs } from "../../async/wall-clock.ts";
import { copy } from "../../content/copy.ts";
import type { CopySource } from "../../content/copy-source.ts";
import { exists } from "../../content/exists.ts";
import { openWriter } from "../../content/open-writer.ts";
import type { Writer } from "../../content/store.ts";
import { writeBlob } from "../../content/write-blob.ts";
import { digestOf } from "../../digest/digest.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import { pieces, randomAccess, seekable } from "./pieces.ts";
import { expectDigest, expectInfo, expectWithin, type StoreUnderTest } from "./store-under-test.ts";

async function expectStored(t: StoreUnderTest, bytes: Uint8Array): Promise<void> {
  expectInfo(await t.store.info(digestOf(bytes)), { bytes });
  expect((await t.read(digestOf(bytes))).equals(bytes)).toBe(true);
}

/** The ingest "sizes" still has 900 bytes: they are refused, and gone once they are truncated. */
async function commitOverOldBytes(t: StoreUnderTest, writer: Writer, bytes: Uint8Array): Promise<void> {
  await expect(writer.commit()).rejects.toThrow("unexpected commit size 900, expected 100");
  expect(await exists(t.store, digestOf(bytes))).toBe(false);
  const next = await t.store.writer({ ref: "sizes", size: 100 });
  expect((await next.status()).offset).toBe(900);
  await next.truncate(0);
  await next.write(bytes);
  expect(await next.commit()).toBe(digestOf(bytes));
}

/** Writers on refs that hold bytes. */
export function describeResume(t: StoreUnderTest): void {
  describe("writer() on a ref with bytes", () => {
    it("Resume: goes on where the earlier one stopped, and touches no time", async () => {
      const bytes = t.fresh(256);
      const hints = { ref: "resume", size: 256, expected: digestOf(bytes) };
      const opening = nowNs();
      const first = await t.store.writer(hints);
      const opened = nowNs();
      await first.write(bytes.subarray(0, 128));
      const written = nowNs();
      expect(await first.status()).toMatchObject({ ref: "resume", offset: 128, total: 256 });
      await first.close();

      const second = await t.store.writer(hints);
      const status = await second.status();
      expect(status).toMatchObject({ ref: "resume", offset: 128, total: 256 });
      expectWithin(status.startedAtNs, opening, opened);
      expectWithin(status.updatedAtNs, opened, written);
      expectDigest(second, bytes.subarray(0, 128));

      const writing = nowNs();
      await second.write(bytes.subarray(128));
      const after = await second.status();
      expect(after).toMatchObject({ ref: "resume", offset: 256, total: 256 });
      expectWithin(after.startedAtNs, opening, opened);
      expectWithin(after.updatedAtNs, writing);
      await second.commit();
      expectInfo(await t.store.info(digestOf(bytes)), { bytes });
    });

    const sizes = [500, 5_000, 50_000];
    const grid = sizes.flatMap((size) => [0, 0.1, 0.5, 0.9, 1].map((part) => [part * size, size] as const));

    describe.each(grid)("with %d of %d bytes", (limit, size) => {
      /** Leaves some bytes under a ref and opens it again. */
      async function reopen(ref: string, bytes: Uint8Array): Promise<Writer> {
        await t.leave(ref, bytes.subarray(0, limit), size);
        const writer = await openWriter(t.store, { ref, size, expected: digestOf(bytes) });
        expect((await writer.status()).offset).toBe(limit);
        return writer;
      }

      it("ResumeTruncate: is truncated and written anew", async () => {
        const bytes = t.fresh(size);
        const writer = await reopen("truncate", bytes);
        await writer.truncate(0);
        expect((await writer.status()).offset).toBe(0);
        expectDigest(writer, Buffer.alloc(0));
        await writer.write(bytes);
        await writer.commit({ size, expected: digestOf(bytes) });
        await expectStored(t, bytes);
      });

      it("ResumeDiscard: takes the rest of a source that is read from its start", async () => {
        const bytes = t.fresh(size);
        const writer = await reopen("discard", bytes);
        let at = 0;
        for await (const piece of pieces(bytes, 333)) {
          await writer.write(piece.subarray(Math.max(0, limit - at)));
          at += piece.byteLength;
        }
        await writer.commit({ size, expected: digestOf(bytes) });
        await expectStored(t, bytes);
      });

      const sources: Record<string, (bytes: Uint8Array) => CopySource> = {
        ResumeCopy: (bytes) => pieces(bytes, 333),
        ResumeCopySeeker: (bytes) => seekable(bytes, 333),
        ResumeCopyReaderAt: (bytes) => randomAccess(bytes),
      };

      it.each(Object.keys(sources))("%s: takes the rest by copy", async (name) => {
        const bytes = t.fresh(size);
        const writer = await reopen(name, bytes);
        await copy(writer, sources[name]?.(bytes) ?? bytes, { size, expected: digestOf(bytes) });
        await expectStored(t, bytes);
      });
    });

    it("lets writeBlob skip what is there", async () => {
      const bytes = t.fresh(5_000);
      await t.leave("blob", bytes.subarray(0, 2_000), 5_000);
      await writeBlob(t.store, "blob", pieces(bytes, 333), { size: 5_000, digest: digestOf(bytes) });
      expect((await t.read(digestOf(bytes))).equals(bytes)).toBe(true);
    });

    it("starts anew when another size is announced, whatever was there", async () => {
      const bytes = t.fresh(100);
      await t.leave("sizes", t.fresh(900), 1_000);
      const writer = await t.store.writer({ ref: "sizes", size: 100 });
      expect(await writer.status()).toMatchObject({ offset: 0, total: 100 });
      await writer.write(bytes);
      if (t.traits.dropsOldBytes) expect(await writer.commit()).toBe(digestOf(bytes));
      else await commitOverOldBytes(t, writer, bytes);
      expectInfo(await t.store.info(digestOf(bytes)), { bytes });
    });

    it("keeps the announced size when none is announced this time", async () => {
      await t.leave("sizes", t.fresh(90), 1_000);
      const writer = await t.store.writer({ ref: "sizes" });
      const total = t.traits.tellsEarlierTotal ? 1_000 : 0;
      expect(await writer.status()).toMatchObject({ offset: 90, total });
      expect(await t.store.status("sizes")).toMatchObject({ offset: 90, total: 1_000 });
      await writer.close();
    });
  });
}
