import { nowNs } from "../../async/wall-clock.ts";
import type { Writer } from "../../content/store.ts";
import { type Digest, digestOf } from "../../digest/digest.ts";
import {
  ErrAlreadyExists,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrUnavailable,
} from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import { expectDigest, expectInfo, expectWithin, type StoreUnderTest } from "./store-under-test.ts";

const GC_ROOT = "containerd.io/gc.root";

/** Several writers at once, refs, closing: what `Ingester.writer` promises. */
export function describeWriters(t: StoreUnderTest): void {
  describe("writer()", () => {
    it("Writer: serves several refs at once, with and without hints", async () => {
      const labels = { [GC_ROOT]: "yes" };
      const cases = await Promise.all(
        [1_000, 1_001, 1_002, 20_000].map(async (size, i) => {
          const bytes = t.fresh(size);
          const expected = digestOf(bytes);
          const hints = [{}, { size }, { expected }, { size, expected }][i];
          const options = i % 2 === 0 ? { size, expected, labels } : {};
          return { bytes, options, writer: await t.store.writer({ ref: `c${i}`, ...hints }) };
        }),
      );
      for (let at = 0; at < 20_000; at += 32) {
        for (const { writer, bytes } of cases) await writer.write(bytes.subarray(at, at + 32));
      }
      for (const { writer, bytes, options } of cases) {
        const before = nowNs();
        expectDigest(writer, bytes);
        expect(await writer.commit(options)).toBe(digestOf(bytes));
        const info = await t.store.info(digestOf(bytes));
        expectInfo(info, { bytes, labels: options.labels ?? {} });
        expectWithin(info.createdAtNs, before);
        expectWithin(info.updatedAtNs, before);
      }
      expect(await t.store.listStatuses()).toEqual([]);
    });

    it("Writer: takes a large blob", async () => {
      const size = 32 * 1024 * 1024;
      const bytes = t.fresh(size);
      const expected = digestOf(bytes);
      const writer = await t.store.writer({ ref: "large", size, expected });
      for (let at = 0; at < size; at += 1_000_000) await writer.write(bytes.subarray(at, at + 1_000_000));
      expect(await writer.commit({ size, expected })).toBe(expected);
      expectInfo(await t.store.info(expected), { bytes });
      expect(digestOf(await t.read(expected))).toBe(expected);
    });

    it("UpdateStatus: tells status, digest and times as the bytes come in", async () => {
      const bytes = t.fresh(256);
      const opening = nowNs();
      const writer = await t.store.writer({ ref: "status", size: 256 });
      const opened = nowNs();
      const expectStatus = async (offset: number, from: bigint, to: bigint): Promise<void> => {
        const status = await writer.status();
        expect(status).toMatchObject({ ref: "status", offset, total: 256 });
        expectWithin(status.startedAtNs, opening, opened);
        expectWithin(status.updatedAtNs, from, to);
        expectDigest(writer, bytes.subarray(0, offset));
      };

      await expectStatus(0, opening, opened);
      let from = 0;
      for (const offset of [64, 192, 256]) {
        const before = nowNs();
        await writer.write(bytes.subarray(from, offset));
        await expectStatus(offset, before, nowNs());
        from = offset;
      }
      expect(await writer.commit()).toBe(digestOf(bytes));
      expectInfo(await t.store.info(digestOf(bytes)), { bytes });
    });

    it("does not keep the caller's buffer", async () => {
      const bytes = t.fresh(1_000);
      const buffer = Buffer.alloc(100);
      const writer = await t.store.writer({ ref: "reuse" });
      for (let at = 0; at < bytes.byteLength; at += 100) {
        bytes.copy(buffer, 0, at);
        await writer.write(buffer);
      }
      expect(await writer.commit()).toBe(digestOf(bytes));
      expect((await t.read(digestOf(bytes))).equals(bytes)).toBe(true);
    });

    it("refuses a second writer of a ref until the first has ended, however it ended", async () => {
      const existing = t.fresh(100);
      await t.commit(existing);
      const ends: Array<(writer: Writer) => Promise<unknown>> = [
        (writer) => writer.close(),
        (writer) => writer.commit({ size: 1 }).catch(() => {}),
        async (writer) => {
          await writer.truncate(0);
          await writer.write(existing);
          await writer.commit().catch(() => {});
        },
        (writer) => writer.commit().catch(() => {}),
      ];
      for (const end of ends) {
        const writer = await t.store.writer({ ref: "one" });
        await writer.write(t.fresh(10));
        await expect(t.store.writer({ ref: "one" })).rejects.toThrow(ErrUnavailable);
        await expect(t.store.writer({ ref: "one" })).rejects.toThrow(/^ref \S*one locked /);
        await end(writer);
      }
      await (await t.store.writer({ ref: "one" })).close();
    });

    it("throws ErrAlreadyExists for an expected digest that is committed, and holds no lock then", async () => {
      const digest = await t.commit(t.fresh(100));
      await expect(t.store.writer({ ref: "again", expected: digest })).rejects.toThrow(ErrAlreadyExists);
      await (await t.store.writer({ ref: "again" })).close();
    });

    it("throws ErrInvalidArgument for an empty ref and for an expected digest that is none", async () => {
      await expect(t.store.writer({ ref: "" })).rejects.toThrow(ErrInvalidArgument);
      const expected = "sha256:../../etc/passwd" as Digest;
      await expect(t.store.writer({ ref: "r", expected })).rejects.toThrow(ErrInvalidArgument);
    });

    it("takes any text for a ref", async () => {
      const refs = [
        "../../up",
        "a/b/c",
        ".",
        "..",
        "nul\0byte",
        "new\nline",
        "ünïcödé 🚢",
        "r".repeat(10_000),
      ];
      for (const ref of refs) {
        const writer = await t.store.writer({ ref });
        await writer.write(t.fresh(10));
        await writer.close();
        expect(await t.store.status(ref)).toMatchObject({ ref, offset: 10 });
      }
      const listed = (await t.store.listStatuses()).map(({ ref }) => ref);
      expect(listed.sort()).toEqual(refs.sort());
    });

    it("takes no bytes once it is closed, and can be closed again", async () => {
      const writer = await t.store.writer({ ref: "closed" });
      await writer.close();
      await writer.close();
      await expect(async () => writer.write(t.fresh(1))).rejects.toThrow(ErrFailedPrecondition);
      await expect(writer.truncate(0)).rejects.toThrow(ErrFailedPrecondition);
      await expect(writer.commit()).rejects.toThrow(/^cannot commit on closed writer/);
    });

    it("keeps the ref of the next writer when a closed one is committed or closed again", async () => {
      const first = await t.store.writer({ ref: "mine" });
      await first.close();
      const second = await t.store.writer({ ref: "mine" });
      await expect(first.commit()).rejects.toThrow(ErrFailedPrecondition);
      await first.close();
      await expect(t.store.writer({ ref: "mine" })).rejects.toThrow(ErrUnavailable);
      await second.close();
    });
  });
}
