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

/** Changes a header in place and makes its checksum good again. */
function rewrite(
  record: Buffer,
  change: (record: Buffer) => void,
  weigh: (byte: number) => number = (byte) => byte,
): Buffer {
  change(record);
  const sum = record.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : weigh(byte)), 0);
  record.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return record;
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

  it("tells a sparse file, which its bytes alone do not give, and what comes behind it", async () => {
    const map = Buffer.alloc(1024);
    map[504] = 1; // another record of the map follows the first
    const archive = await tarOf([
      { name: "sparse", bytes: "y" },
      { name: "next", bytes: "z" },
      {
        name: "by pax",
        bytes: `${"1\n0\n3\n".padEnd(512, "\0")}top`,
        pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "3" },
      },
    ]);
    const header = rewrite(archive.subarray(0, 512), (record) => {
      record.write("S", 156);
      record.write("00000000000\x0000000000001\0", 386);
      record[482] = 1;
      record.write("00000000011\0", 483);
    });
    const read = await readAll(inPieces(Buffer.concat([header, map, archive.subarray(512)])));
    expect(read.map(([name, type]) => [name, type])).toEqual([
      ["sparse", "sparse"],
      ["next", "file"],
      ["by pax", "sparse"],
    ]);
  });

  it("reads archives from before ustar: no magic, zero bytes for the type, checksums of signed bytes", async () => {
    const old = rewrite(
      (await tarOf([{ name: "x", bytes: "v7" }])).subarray(0, 512),
      (record) => {
        record.write("é");
        record.fill(0, 257);
        record[156] = 0;
      },
      (byte) => (byte << 24) >> 24,
    );
    const folder = rewrite((await tarOf([{ name: "dir/" }])).subarray(0, 512), (record) => {
      record.fill(0, 257);
      record[156] = 0;
    });
    const content = Buffer.alloc(512);
    content.write("v7");
    const archive = Buffer.concat([old, content, folder, Buffer.alloc(1024)]);
    expect(await readAll(inPieces(archive))).toEqual([
      ["é", "file", "v7"],
      ["dir/", "other", ""],
    ]);
  });

  it("reads long names and links as GNU tar writes them, and sizes of base 256", async () => {
    const [name, link] = ["n".repeat(300), "l".repeat(300)];
    const extension = async (type: string, text: string): Promise<Buffer> => {
      const archive = await tarOf([{ name: "././@LongLink", bytes: `${text}\0` }]);
      const header = rewrite(archive.subarray(0, 512), (record) => record.write(type, 156));
      return Buffer.concat([header, archive.subarray(512, -1024)]);
    };
    const file = await tarOf([{ name: "short", bytes: "content" }]);
    const sized = rewrite(file.subarray(0, 512), (record) => {
      record.fill(0, 124, 136);
      record[124] = 0x80;
      record[135] = 7;
    });
    const soft = await tarOf([{ name: "soft", type: "symlink", linkname: "short" }]);
    const archive = Buffer.concat([
      await extension("L", name),
      Buffer.concat([sized, file.subarray(512, -1024)]),
      await extension("K", link),
      soft,
    ]);
    const entries: unknown[] = [];
    for await (const entry of tarEntries(inPieces(archive))) {
      entries.push([entry.name, entry.size, entry.linkName]);
    }
    expect(entries).toEqual([
      [name, 7, ""],
      ["soft", 0, link],
    ]);
  });

  it.each([
    ["a long name", "L"],
    ["a pax header", "x"],
    ["a global pax header", "g"],
  ])("takes no more than a mebibyte of %s into memory", async (_, type) => {
    const archive = await tarOf([{ name: "x", bytes: Buffer.alloc(1024 * 1024 + 1) }]);
    rewrite(archive.subarray(0, 512), (record) => record.write(type, 156));
    await expect(readAll(inPieces(archive, 65_536))).rejects.toThrow("at most 1048576 are read");
  });

  it.each([
    ["a length that is none", "x path=y\n"],
    ["a length beyond the end", "99 path=y\n"],
    ["no line's end", "9 path=yz"],
    ["no key", "8 pathy\n"],
    ["a size that is none", "12 size=-12\n"],
  ])("refuses a pax header with %s", async (_, records) => {
    const archive = await tarOf([{ name: "x", bytes: records }]);
    rewrite(archive.subarray(0, 512), (record) => record.write("x", 156));
    await expect(readAll(inPieces(archive))).rejects.toThrow("pax header");
  });

  it("applies nothing of a global pax header, as Go's archive/tar", async () => {
    const archive = await tarOf([{ name: "x", bytes: "15 path=global\n" }, { name: "own" }]);
    rewrite(archive.subarray(0, 512), (record) => record.write("g", 156));
    expect((await readAll(inPieces(archive))).map(([name]) => name)).toEqual(["own"]);
  });

  it("gives no content for links and directories, whatever size they claim", async () => {
    const archive = await tarOf([{ name: "soft", type: "symlink", linkname: "x" }, { name: "next" }]);
    rewrite(archive.subarray(0, 512), (record) => record.write("00000000777", 124));
    expect((await readAll(inPieces(archive))).map(([name]) => name)).toEqual(["soft", "next"]);
  });

  it("reads the source to its end behind the archive's, whatever is there", async () => {
    let taken = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const piece of inPieces(Buffer.concat([TWO, Buffer.alloc(9000, "rest")]))) {
        taken += piece.byteLength;
        yield piece;
      }
    }
    expect((await readAll(counted())).map(([name]) => name)).toEqual(["a", "b"]);
    expect(taken).toBe(TWO.byteLength + 9000);
  });

  it("throws ErrDataLoss for a header behind a single record of zeros", async () => {
    const damaged = Buffer.concat([TWO.subarray(0, 1024), Buffer.alloc(512), TWO.subarray(1024)]);
    await expect(readAll(inPieces(damaged))).rejects.toThrow(ErrDataLoss);
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
