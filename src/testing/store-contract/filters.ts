import { ErrInvalidArgument } from "../../errors/classes.ts";
import { describe, it } from "./cases.ts";
import { expect } from "./expect.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** What listings leave out; the language itself is tested where it is implemented. */
export function describeFilters(t: StoreUnderTest): void {
  async function walked(...filters: string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for await (const { digest } of t.store.walk({ filters })) found.add(digest);
    return found;
  }

  async function listed(...filters: string[]): Promise<readonly string[]> {
    return (await t.store.listStatuses({ filters })).map(({ ref }) => ref).sort();
  }

  describe("filters", () => {
    it("choose content by digest and labels, any of them", async () => {
      const digests = [];
      for (const kind of ["layer", "config", "index"]) {
        digests.push(await t.commit(t.fresh(10), { labels: { "a.b/kind": kind } }));
      }
      const [layer, config, index] = digests;
      expect(await walked()).toEqual(new Set(digests));
      expect(await walked("")).toEqual(new Set(digests));
      expect(await walked(`labels."a.b/kind"==layer`)).toEqual(new Set([layer]));
      expect(await walked(`labels."a.b/kind"~=/^(lay|con)/`)).toEqual(new Set([layer, config]));
      expect(await walked(`digest==${index}`, `labels."a.b/kind"==config`)).toEqual(new Set([config, index]));
      expect(await walked(`digest==${index},labels."a.b/kind"==config`)).toEqual(new Set([]));
      expect(await walked("labels.other", "size==10")).toEqual(new Set([]));
    });

    it("choose ingests by ref", async () => {
      for (const ref of ["layer-1", "layer-2", "config"]) {
        await (await t.store.writer({ ref })).close();
      }
      expect(await listed()).toEqual(["config", "layer-1", "layer-2"]);
      expect(await listed("")).toEqual(["config", "layer-1", "layer-2"]);
      expect(await listed("ref~=^layer")).toEqual(["layer-1", "layer-2"]);
      expect(await listed("ref==config", "ref==layer-1")).toEqual(["config", "layer-1"]);
      expect(await listed("ref!=config")).toEqual(["layer-1", "layer-2"]);
    });

    it("throw ErrInvalidArgument when they are malformed", async () => {
      const listing = t.store.listStatuses({ filters: ["ref==good", ".*"] });
      await expect(listing).rejects.toThrow(ErrInvalidArgument);
      await expect(listing).rejects.toThrow("filters: parse error: [ >|.|< *]: expected field or quoted");
      const walk = async (): Promise<void> => {
        for await (const info of t.store.walk({ filters: ["digest="] })) expect(info).toBeUndefined();
      };
      await expect(walk()).rejects.toThrow(ErrInvalidArgument);
    });
  });
}
