import { describe, expect, it } from "vitest";
import { ErrCanceled } from "../../src/errors/classes.ts";
import { BlobGrowth, BlobGrowths, type GrowingFile } from "../../src/xfer/growing-blob.ts";

const FILE = { path: "/ingest/1/data", size: 100, bytes: 0 };

const bytesOf = (file: GrowingFile | undefined): number =>
  file ? Number(new BigInt64Array(file.available)[0]) : Number.NaN;

describe("BlobGrowth", () => {
  it("gives the file as soon as there is one, and tells in it how far it is", async () => {
    const growth = new BlobGrowth();
    const asked = growth.next(undefined, {});
    growth.begins({ ...FILE, bytes: 10 });
    const file = await asked;
    expect(file).toMatchObject({ path: FILE.path, size: 100 });
    expect(bytesOf(file)).toBe(10);
    growth.reached(50);
    expect(bytesOf(file)).toBe(50);
    expect(await growth.next(undefined, {})).toBe(file);
  });

  it("goes on in the same file with the next attempt", async () => {
    const growth = new BlobGrowth();
    growth.begins(FILE);
    growth.reached(40);
    const file = await growth.next(undefined, {});
    growth.begins({ ...FILE, bytes: 60 });
    expect(await growth.next(undefined, {})).toBe(file);
    expect(bytesOf(file)).toBe(60);
  });

  it.each<[string, (growth: BlobGrowth) => void]>([
    ["dropped", (growth) => growth.dropped()],
    ["begun with fewer bytes than there were", (growth) => growth.begins({ ...FILE, bytes: 39 })],
    ["begun somewhere else", (growth) => growth.begins({ ...FILE, path: "/ingest/2/data", bytes: 40 })],
    ["whole, and came another way", (growth) => growth.complete()],
  ])("tells readers to give up what is %s", async (_, change) => {
    const growth = new BlobGrowth();
    growth.begins(FILE);
    growth.reached(40);
    const file = await growth.next(undefined, {});
    change(growth);
    expect(bytesOf(file)).toBe(-1);
  });

  it("gives another file after one that was tried, and none when the blob is whole", async () => {
    const growth = new BlobGrowth();
    growth.begins(FILE);
    const tried = await growth.next(undefined, {});
    const asked = growth.next(tried, {});
    growth.dropped();
    growth.reached(20); // of nothing
    growth.begins(FILE);
    const second = await asked;
    expect(second).not.toBe(tried);
    const last = growth.next(second, {});
    growth.reached(100);
    growth.complete();
    expect(await last).toBeUndefined();
    expect(bytesOf(second)).toBe(100);
    expect(growth.isWhole).toBe(true);
    await growth.whole({});
  });

  it("lets those go who wait no longer", async () => {
    const growth = new BlobGrowth();
    const signal = AbortSignal.abort();
    await expect(growth.whole({ signal })).rejects.toThrow(ErrCanceled);
    await expect(growth.next(undefined, { signal })).rejects.toThrow(ErrCanceled);
  });
});

describe("BlobGrowths", () => {
  it("is the same for all who hold a blob, until the last of them lets it go", () => {
    const growths = new BlobGrowths();
    const [first, letGo] = growths.hold("a");
    const [second, letGoToo] = growths.hold("a");
    expect(second).toBe(first);
    expect(growths.hold("b")[0]).not.toBe(first);
    letGo();
    expect(growths.hold("a")[0]).toBe(first);
    letGoToo();
    expect(growths.hold("a")[0]).toBe(first);
  });

  it("begins anew with a blob that was whole, or that nobody held any more", () => {
    const growths = new BlobGrowths();
    const [first, letGo] = growths.hold("a");
    first.complete();
    const [second, letGoToo] = growths.hold("a");
    expect(second).not.toBe(first);
    letGo(); // of the first one, which is nobody's any more
    expect(growths.hold("a")[0]).toBe(second);
    letGoToo();
  });
});
