import { exists } from "../../content/exists.ts";
import { openWriter } from "../../content/open-writer.ts";
import type { Writer } from "../../content/store.ts";
import { digestOf } from "../../digest/digest.ts";
import {
  ErrAlreadyExists,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrUnavailable,
} from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import { expectInfo, type StoreUnderTest } from "./store-under-test.ts";

const EMPTY = digestOf("");

/** What a commit takes, refuses and leaves. */
export function describeCommit(t: StoreUnderTest): void {
  describe("Writer.commit()", () => {
    it("CommitExists: throws ErrAlreadyExists for bytes that are there, and leaves no ingest", async () => {
      const bytes = t.fresh(256);
      const digest = await t.commit(bytes);
      await expect(t.commit(bytes, { size: 256, expected: digest })).rejects.toThrow(ErrAlreadyExists);
      await expect(t.commit(bytes)).rejects.toThrow(`content ${digest}`);
      expect(await t.store.listStatuses()).toEqual([]);
    });

    it("publishes once when two writers have the same bytes", async () => {
      const bytes = t.fresh(256);
      const writers = await Promise.all(["a", "b"].map((ref) => t.store.writer({ ref })));
      for (const writer of writers) await writer.write(bytes);
      const settled = await Promise.allSettled(writers.map((writer) => writer.commit()));
      expect(settled.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      expect(settled.find((result) => result.status === "rejected")?.reason).toBeInstanceOf(ErrAlreadyExists);
      expect(await t.store.listStatuses()).toEqual([]);
    });

    it("CommitErrorState: keeps the ingest after a wrong size or digest, for the next writer", async () => {
      const existing = t.fresh(256);
      await t.commit(existing);
      const bytes = t.fresh(260);
      const open = async (): Promise<Writer> => {
        const writer = await openWriter(t.store, { ref: "state" });
        await expect(t.store.writer({ ref: "state" })).rejects.toThrow(ErrUnavailable);
        return writer;
      };

      let writer = await open();
      await writer.write(existing);
      const hints = { size: 256, expected: digestOf(existing) };
      await expect(writer.commit(hints)).rejects.toThrow(ErrAlreadyExists);

      writer = await open();
      await writer.write(existing);
      await expect(writer.commit({ size: 256 })).rejects.toThrow(ErrAlreadyExists);

      writer = await open();
      await writer.write(bytes);
      const wrong = writer.commit({ size: 260, expected: EMPTY });
      await expect(wrong).rejects.toThrow(ErrFailedPrecondition);
      const text = `unexpected commit digest ${digestOf(bytes)}, expected ${EMPTY}`;
      await expect(wrong).rejects.toThrow(text);

      writer = await open();
      expect((await writer.status()).offset).toBe(260);
      const short = writer.commit({ size: 256 });
      await expect(short).rejects.toThrow(ErrFailedPrecondition);
      await expect(short).rejects.toThrow(t.traits.words.wrongSize("state", { got: 260, want: 256 }));
      expect(await t.store.status("state")).toMatchObject({ ref: "state", offset: 260 });

      writer = await open();
      expect(await writer.commit({ size: 260 })).toBe(digestOf(bytes));

      writer = await open();
      expect((await writer.status()).offset).toBe(0);
      await writer.write(existing);
      await expect(writer.commit()).rejects.toThrow(ErrAlreadyExists);

      for (let round = 0; round < 2; round++) await (await open()).close();
    });

    it("takes an empty blob", async () => {
      const writer = await t.store.writer({ ref: "empty" });
      expect(await writer.commit({ expected: EMPTY })).toBe(EMPTY);
      expectInfo(await t.store.info(EMPTY), { bytes: Buffer.alloc(0) });
      expect(await t.read(EMPTY)).toHaveLength(0);
    });

    it.each([true, false])("verifies sha512, announced at the start: %s", async (announced) => {
      const bytes = t.fresh(1_500_000);
      const expected = digestOf(bytes, "sha512");
      const hint = announced ? { expected } : {};
      const options = { ref: "sha512", ...hint };
      const first = await t.store.writer(options);
      await first.write(bytes.subarray(0, 1_200_000));
      await first.close();

      let writer = await t.store.writer(options);
      await writer.write(bytes.subarray(1_200_000));
      const wrong = digestOf("other", "sha512");
      await expect(writer.commit({ expected: wrong })).rejects.toThrow(ErrFailedPrecondition);

      writer = await t.store.writer(options);
      const committed = writer.commit({ expected });
      if (t.traits.commitsSha512) {
        expect(await committed).toBe(expected);
        expectInfo(await t.store.info(expected), { bytes, digest: expected });
        return;
      }
      const text = `unexpected commit digest ${digestOf(bytes)}, expected ${expected}`;
      await expect(committed).rejects.toThrow(text);
      expect(await exists(t.store, expected)).toBe(false);
      writer = await t.store.writer({ ref: "sha512" });
      expect(await writer.commit()).toBe(digestOf(bytes));
    });

    it("refuses labels that are too long before anything is published", async () => {
      const bytes = t.fresh(10);
      await expect(t.commit(bytes, { labels: { key: "v".repeat(4_094) } })).rejects.toThrow(
        ErrInvalidArgument,
      );
      expect(await exists(t.store, digestOf(bytes))).toBe(false);
    });
  });
}
