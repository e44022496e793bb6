import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tarEntries } from "../../src/archive/tar-entries.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrInvalidArgument,
  ErrPermissionDenied,
} from "../../src/errors/classes.ts";
import { inPieces, tarOf } from "./support/tar.ts";

/** Name, type and content of every entry. */
async function readAll(source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
  const read: (readonly [string, string, string])[] = [];
  for await (const { name, type, content } of tarEntries(source, { signal })) {
    let text = "";
    for await (const chunk of content) text += Buffer.from(chunk).toString("latin1");
    read.push([name, type, text]);
  }
  return read;
}

const TWO = await tarOf([
  { name: "a", bytes: "first" },
  { name: "b", bytes: "x".repeat(3000) },
]);

describe("tarEntries()", () => {
  it("gives files, links and everything else, with long names by pax", async () => {
    const long = `${"deep/".repeat(60)}name`;
    const archive = await tarOf([
      { name: "file", bytes: "content" },
      { name: "soft", type: "symlink", linkname: "../file" },
      { name: "hard", type: "link", linkname: "file" },
      { name: "folder", type: "directory" },
      { name: "pipe", type: "fifo" },
      { name: long, bytes: "deep", pax: { comment: "a pax header" } },
    ]);
    expect(await readAll(inPieces(archive))).toEqual([
      ["file", "file", "content"],
      ["soft", "symlink", ""],
      ["hard", "hardlink", ""],
      ["folder", "other", ""],
      ["pipe", "other", ""],
      [long, "file", "deep"],
    ]);
  });

  it("tells where a link leads", async () => {
    const archive = await tarOf([{ name: "soft", type: "symlink", linkname: "../file" }]);
    for await (const entry of tarEntries(inPieces(archive))) expect(entry.linkName).toBe("../file");
    expect.assertions(1);
  });

  it("passes over a sparse file, which its bytes alone do not give", async () => {
    const archive = await tarOf([
      { name: "sparse", bytes: "y" },
      { name: "next", bytes: "z" },
    ]);
    archive.write("S", 156);
    const sum = archive
      .subarray(0, 512)
      .reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
    archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    expect((await readAll(inPieces(archive))).map(([name, type]) => [name, type])).toEqual([
      ["sparse", "other"],
      ["next", "file"],
    ]);
  });

  it("passes over what is left unread", async () => {
    const names: string[] = [];
    for await (const { name } of tarEntries(inPieces(TWO, 100))) names.push(name);
    expect(names).toEqual(["a", "b"]);
  });

  it("takes no more of the source than there is room for", async () => {
    const big = await tarOf([{ name: "big", bytes: Buffer.alloc(4_000_000) }]);
    let taken = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of inPieces(big, 64_000)) {
        taken += piece.byteLength;
        yield piece;
      }
    }
    const entries = tarEntries(counted());
    const { value } = await entries.next();
    const content = value?.content[Symbol.asyncIterator]();
    await content?.next();
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThan(1_000_000);
    await content?.return?.();
    await entries.return(undefined);
  });

  it("throws ErrDataLoss for an archive that ends early, wherever that is", async () => {
    const at = fc.integer({ min: 513, max: 512 + 512 + 512 + 2999 }).filter((end) => end !== 1024);
    await fc.assert(
      fc.asyncProperty(at, fc.integer({ min: 1, max: 4000 }), async (end, piece) => {
        await expect(readAll(inPieces(TWO.subarray(0, end), piece))).rejects.toThrow(ErrDataLoss);
      }),
      { numRuns: 50 },
    );
  });

  it("throws ErrDataLoss for a header that is damaged behind a good one", async () => {
    const damaged = Buffer.from(TWO);
    damaged[1030] = (damaged[1030] ?? 0) ^ 1;
    await expect(readAll(inPieces(damaged))).rejects.toThrow(ErrDataLoss);
  });

  it("throws ErrInvalidArgument for what is no tar archive", async () => {
    const reading = readAll(inPieces(Buffer.from("PK".repeat(2000))));
    await expect(reading).rejects.toThrow(ErrInvalidArgument);
    await expect(reading).rejects.toThrow("not a tar archive");
  });

  it("ends with no entries for no bytes", async () => {
    expect(await readAll(inPieces(Buffer.alloc(0)))).toEqual([]);
  });

  it("never ends in anything but entries or a typed error, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(TWO.length - 1), fc.nat(255)), { maxLength: 8 }),
        async (changes) => {
          const bytes = Buffer.from(TWO);
          for (const [at, value] of changes) bytes[at] = value;
          const outcome = await readAll(inPieces(bytes, 700)).catch((error: unknown) => error);
          const isTyped = outcome instanceof ErrDataLoss || outcome instanceof ErrInvalidArgument;
          expect(Array.isArray(outcome) || isTyped).toBe(true);
        },
      ),
    );
  });

  it("throws an error of ours out of the source as it is", async () => {
    const reason = new ErrPermissionDenied("read file");
    async function* source(): AsyncGenerator<Uint8Array> {
      yield TWO.subarray(0, 700);
      throw reason;
    }
    await expect(readAll(source())).rejects.toBe(reason);
  });

  it("stops at once when the signal fires, also when the source hangs", async () => {
    const controller = new AbortController();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield TWO.subarray(0, 2000);
      queueMicrotask(() => controller.abort());
      await new Promise(() => {});
    }
    await expect(readAll(hanging(), controller.signal)).rejects.toThrow(ErrCanceled);
    await expect(readAll(inPieces(TWO), AbortSignal.abort())).rejects.toThrow(ErrCanceled);
  });
});
