import { exists } from "../../content/exists.ts";
import type { Status } from "../../content/store.ts";
import { digestOf } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** Statuses and aborts. */
export function describeIngests(t: StoreUnderTest): void {
  describe("ingests", () => {
    it("are listed and told about, open or closed, and are no content", async () => {
      const bytes = t.fresh(10);
      const open = await t.store.writer({ ref: "open", size: 10 });
      await open.write(bytes);
      const closed = await t.store.writer({ ref: "closed" });
      await closed.close();

      expect((await t.store.listStatuses()).toSorted(byRef)).toMatchObject([
        { ref: "closed", offset: 0, total: 0 },
        { ref: "open", offset: 10, total: 10 },
      ]);
      expect(await t.store.status("open")).toMatchObject({ ref: "open", offset: 10, total: 10 });
      await expect(t.store.info(digestOf(bytes))).rejects.toThrow(ErrNotFound);
      await open.close();
    });

    it("do not keep the digest that their writer expected", async () => {
      const writer = await t.store.writer({ ref: "expects", expected: digestOf(t.fresh(10)) });
      await writer.close();
      const status = await t.store.status("expects");
      expect(status).toLack("expected");
      expect(await t.store.listStatuses()).toEqual([status]);
    });

    it("are gone after abort", async () => {
      const writer = await t.store.writer({ ref: "gone" });
      await writer.write(t.fresh(10));
      await writer.close();
      await t.store.abort("gone");
      await expect(t.store.status("gone")).rejects.toThrow(ErrNotFound);
      await expect(t.store.abort("gone")).rejects.toThrow(ErrNotFound);
      expect(await t.store.listStatuses()).toEqual([]);

      const next = await t.store.writer({ ref: "gone" });
      expect((await next.status()).offset).toBe(0);
      await next.close();
    });

    it("publish nothing when they are aborted under their writer", async () => {
      const bytes = t.fresh(10);
      const writer = await t.store.writer({ ref: "under" });
      await writer.write(bytes);
      await t.store.abort("under");
      await expect(writer.commit()).rejects.toMatchObject({ code: t.traits.abortedCommit });
      expect(await exists(t.store, digestOf(bytes))).toBe(false);
      await (await t.store.writer({ ref: "under" })).close();
    });

    it("are unknown by names that nobody used", async () => {
      await expect(t.store.status("unknown")).rejects.toThrow(ErrNotFound);
      await expect(t.store.abort("unknown")).rejects.toThrow(ErrNotFound);
      expect(await t.store.listStatuses()).toEqual([]);
    });
  });
}

function byRef(a: Status, b: Status): number {
  return a.ref < b.ref ? -1 : 1;
}
