import { randomBytes } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrDataLoss, ErrNotImplemented } from "../../../src/errors/classes.ts";
import { decompress } from "../../../src/layer/decompress/decompress.ts";
import { PIECE_BYTES } from "../../../src/layer/decompress/sync-codec.ts";
import { syncCodecsWork } from "../../../src/layer/decompress/sync-codecs-work.ts";

const PLAIN = Buffer.concat([Buffer.alloc(400_000, "text "), randomBytes(200_000), Buffer.alloc(700_000)]);

/** A frame of zstd that has no content. */
const SKIPPABLE = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from("skip!")]);

/** The bytes in pieces whose memory is overwritten once the next one is asked for. */
async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(size);
  for (let at = 0; at < bytes.byteLength; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.fill(0xee);
    buffer.set(piece);
    yield buffer.subarray(0, piece.byteLength);
  }
}

async function contentOf(bytes: Uint8Array, isSync: boolean, size = 50_000): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of decompress(inPieces(bytes, size), { isSync })) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const HALVES = [PLAIN.subarray(0, 500_000), PLAIN.subarray(500_000)] as const;
const [FIRST, SECOND] = HALVES;
const NOTHING = Buffer.alloc(0);

/** A gzip header with every field that there may be, in front of the data of another one. */
const RICH = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 8, 0x1f, 0, 0, 0, 0, 0, 255, 3, 0, 1, 2, 3]),
  Buffer.from("name\0comment\0"),
  Buffer.from([9, 9]),
  gzipSync(PLAIN).subarray(10),
]);

describe("syncCodecsWork()", () => {
  it("finds that they do in the versions of Node.js that are tested", () =>
    expect(syncCodecsWork()).toBe(true));
});

describe("decompress() with room for its pieces", () => {
  it.each([
    ["gzip", gzipSync(PLAIN)],
    ["zstd", zstdCompressSync(PLAIN)],
  ])("makes each piece of %s where it is told to", async (_, bytes) => {
    const rooms: Buffer[] = [];
    const room = (): Buffer => {
      const next = Buffer.from(new SharedArrayBuffer(PIECE_BYTES));
      rooms.push(next);
      return next;
    };
    const pieces: Uint8Array[] = [];
    for await (const piece of decompress(inPieces(bytes, 50_000), { isSync: true, room })) {
      expect(piece.buffer).toBe(rooms.at(-1)?.buffer);
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces)).toEqual(PLAIN);
  });
});

describe.each([
  ["below the streams", true],
  ["by streams", false],
])("decompress() %s", (_, isSync) => {
  it.each([
    ["nothing around it", PLAIN],
    ["gzip", gzipSync(PLAIN)],
    ["gzip that is stored", gzipSync(PLAIN, { level: 0 })],
    [
      "members of gzip, one of them empty",
      Buffer.concat([gzipSync(FIRST), gzipSync(NOTHING), gzipSync(SECOND)]),
    ],
    ["zeros behind gzip", Buffer.concat([gzipSync(PLAIN), Buffer.alloc(1_000)])],
    ["zstd", zstdCompressSync(PLAIN)],
    [
      "frames of zstd, some to be skipped",
      Buffer.concat([
        SKIPPABLE,
        zstdCompressSync(FIRST),
        SKIPPABLE,
        zstdCompressSync(NOTHING),
        zstdCompressSync(SECOND),
        SKIPPABLE,
      ]),
    ],
  ])("gives the content of %s", async (__, bytes) => {
    expect((await contentOf(bytes, isSync)).equals(PLAIN)).toBe(true);
  });

  it.each([
    [
      "gzip",
      Buffer.concat([gzipSync(Buffer.from("first ")), gzipSync(Buffer.from("second")), Buffer.alloc(3)]),
    ],
    [
      "zstd",
      Buffer.concat([
        zstdCompressSync(Buffer.from("first ")),
        SKIPPABLE,
        zstdCompressSync(Buffer.from("second")),
      ]),
    ],
  ])("takes %s in pieces of any size", async (__, bytes) => {
    for (let size = 1; size <= bytes.byteLength; size++) {
      expect((await contentOf(bytes, isSync, size)).toString()).toBe("first second");
    }
  });

  it.each([
    ["nothing", NOTHING],
    ["less than what a compression is told by", Buffer.from("ab")],
  ])("gives %s as it is", async (__, bytes) => {
    expect((await contentOf(bytes, isSync)).equals(bytes)).toBe(true);
  });

  it.each([
    ["gzip", gzipSync(FIRST)],
    ["zstd", zstdCompressSync(FIRST)],
  ])("refuses %s that is cut anywhere, or followed by anything", async (__, bytes) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 7, max: bytes.byteLength - 1 }), async (end) => {
        await expect(contentOf(bytes.subarray(0, end), isSync)).rejects.toThrow(ErrDataLoss);
      }),
      { numRuns: 25 },
    );
    for (const tail of ["x", "garbage behind it"]) {
      const followed = Buffer.concat([bytes, Buffer.from(tail)]);
      await expect(contentOf(followed, isSync)).rejects.toThrow(ErrDataLoss);
    }
  });

  it("refuses gzip whose content has another size than it says", async () => {
    const bytes = gzipSync(FIRST);
    bytes.writeUInt32LE(FIRST.byteLength + 1, bytes.byteLength - 4);
    await expect(contentOf(bytes, isSync)).rejects.toThrow(ErrDataLoss);
  });

  it("never ends in anything but bytes or ErrDataLoss when the data is damaged", async () => {
    const whole = [
      gzipSync(FIRST),
      zstdCompressSync(FIRST),
      Buffer.concat([SKIPPABLE, zstdCompressSync(SECOND)]),
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...whole), fc.nat(), fc.nat(255), async (bytes, at, value) => {
        const damaged = Buffer.from(bytes);
        damaged[6 + (at % (bytes.byteLength - 6))] = value;
        const outcome = await contentOf(damaged, isSync).catch((error: unknown) => error);
        expect(Buffer.isBuffer(outcome) || outcome instanceof ErrDataLoss).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
    ["bzip2", [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41]],
  ])("says that layers are not compressed with %s", async (name, head) => {
    const reading = contentOf(Buffer.from(head), isSync);
    await expect(reading).rejects.toThrow(ErrNotImplemented);
    await expect(reading).rejects.toThrow(`compressed with ${name}`);
  });

  it("lets the source go when its reader has enough", async () => {
    let isClosed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield gzipSync(FIRST);
      } finally {
        isClosed = true;
      }
    }
    for await (const piece of decompress(source(), { isSync })) if (piece.byteLength > 0) break;
    expect(isClosed).toBe(true);
  });
});

describe("decompress()", () => {
  it("passes over every field of a gzip header", async () => {
    expect((await contentOf(RICH, true)).equals(PLAIN)).toBe(true);
    expect((await contentOf(RICH, true, 1_001)).equals(PLAIN)).toBe(true);
  });

  it("refuses flags and methods of gzip that nobody knows", async () => {
    const flags = gzipSync(FIRST);
    flags[3] = 0x80;
    await expect(contentOf(flags, true)).rejects.toThrow("unknown flags");
    const method = gzipSync(FIRST);
    method[2] = 7;
    await expect(contentOf(method, true)).rejects.toThrow("unknown compression method");
  });
});
