import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TarEntry } from "../../src/tar/tar-entry.ts";
import { TarFault } from "../../src/tar/tar-fault.ts";
import { TarReader } from "../../src/tar/tar-reader.ts";
import { headerOf, recordsOf, type WrittenEntry, withChecksum, writeTestTar } from "./support/tar-writer.ts";

interface Read {
  readonly entry: TarEntry;
  readonly content: string;
}

/** What a reader tells of an archive that is pushed in pieces. */
function readAll(archive: Uint8Array, pieceBytes = 1_000): Read[] {
  const read: Read[] = [];
  let current: TarEntry | undefined;
  let content = "";
  const reader = new TarReader({
    begin(entry) {
      current = entry;
      content = "";
    },
    content(piece) {
      content += piece.toString("latin1");
    },
    end() {
      if (current) read.push({ entry: current, content });
      current = undefined;
    },
  });
  for (let at = 0; at < archive.byteLength; at += pieceBytes) {
    reader.write(Buffer.from(archive.subarray(at, at + pieceBytes)));
  }
  reader.finish();
  return read;
}

function only(entry: WrittenEntry): TarEntry {
  const [first] = readAll(writeTestTar([entry]));
  if (first === undefined) throw new Error("no entry was read");
  return first.entry;
}

/** The fault of an archive that cannot be read. */
function faultOf(archive: Uint8Array): TarFault {
  try {
    readAll(archive);
  } catch (error) {
    if (error instanceof TarFault) return error;
    throw error;
  }
  throw new Error("the archive was read");
}

describe("TarReader", () => {
  it("gives all that a header says", () => {
    const entry = only({
      name: "a",
      mode: 0o4755,
      uid: 7,
      gid: 8,
      mtime: 9,
      flag: "3",
      major: 10,
      minor: 11,
    });
    const { mode, uid, gid, mtime, type, deviceMajor, deviceMinor } = entry;
    expect({ mode, uid, gid, mtime, type, deviceMajor, deviceMinor }).toEqual({
      mode: 0o4755,
      uid: 7,
      gid: 8,
      mtime: 9,
      type: "character device",
      deviceMajor: 10,
      deviceMinor: 11,
    });
  });

  it("gives owners beyond octal digits and times before the epoch", () => {
    const { uid, gid, mtime } = only({ name: "a", uid: 2 ** 31, gid: 2 ** 32 - 2, mtime: -86_400 });
    expect([uid, gid, mtime]).toEqual([2 ** 31, 2 ** 32 - 2, -86_400]);
  });

  it("gives what a pax header says instead of the header", () => {
    const entry = only({
      name: "short",
      pax: { path: "l\xc3\xa4nger", uid: "70000", gid: "80000", mtime: "-1.5" },
    });
    expect(entry).toMatchObject({ name: "l\xc3\xa4nger", uid: 70_000, gid: 80_000, mtime: -1.5 });
  });

  it("keeps sub-seconds to the last digit that a double has", () => {
    expect(only({ name: "a", pax: { mtime: "1700000000.123456789" } }).mtime).toBeCloseTo(
      1_700_000_000.123457,
      6,
    );
  });

  it("takes back a pax value that is empty", () => {
    expect(
      only({
        name: "own",
        pax: [
          ["path", "other"],
          ["path", ""],
        ],
      }).name,
    ).toBe("own");
  });

  it("gives extended attributes of star and libarchive as bytes", () => {
    const { xattrs } = only({
      name: "a",
      pax: {
        "SCHILY.xattr.security.capability": "\x01\x00\x00\x02\n=\xff",
        "LIBARCHIVE.xattr.user.a%3Db": Buffer.from([0, 255, 10]).toString("base64"),
        "LIBARCHIVE.xattr.user.both": Buffer.from("libarchive").toString("base64"),
        "SCHILY.xattr.user.both": "star",
      },
    });
    expect(Object.fromEntries(xattrs ?? [])).toEqual({
      "security.capability": "\x01\x00\x00\x02\n=\xff",
      "user.a=b": "\x00\xff\n",
      "user.both": "star",
    });
  });

  it("reads names that are no UTF-8 byte by byte", () => {
    expect(only({ name: "\xff\xfe\x80" }).name).toBe("\xff\xfe\x80");
  });

  it("keeps a name's bytes apart from its prefix as star and POSIX have them", () => {
    const posix = headerOf({ name: "n", change: (header) => header.write("p".repeat(140), 345) });
    const star = headerOf({
      name: "n",
      change: (header) => {
        header.write("p".repeat(131), 345);
        header.write("00000000000 ", 476);
        header.write("tar\0", 508);
      },
    });
    expect(readAll(posix)[0]?.entry.name).toBe(`${"p".repeat(140)}/n`);
    expect(readAll(star)[0]?.entry.name).toBe(`${"p".repeat(131)}/n`);
  });

  it("takes a file of before ustar whose name ends in a slash for a directory, and no other", () => {
    expect(only({ name: "d/", flag: "\0" }).type).toBe("directory");
    expect(only({ name: "d/", flag: "0" }).type).toBe("file");
  });

  it("tells types that nobody can make", () => {
    expect(only({ name: "label", flag: "V" })).toMatchObject({ type: "other", flag: "V" });
  });

  it.each([
    ["a negative size", "malformed", { name: "a", size: -1 }],
    ["a size that is no safe integer", "malformed", { name: "a", size: 2 ** 60 }],
    ["an owner that is no number", "malformed", { name: "a", change: (header) => header.write("9x", 108) }],
    ["a pax time that is none", "malformed", { name: "a", pax: { mtime: "1e5" } }],
    ["a pax owner that is none", "malformed", { name: "a", pax: { uid: "root" } }],
    ["a name with a zero byte", "malformed", { name: "a", pax: { path: "a\0b" } }],
    ["an unknown sparse format", "malformed", { name: "a", pax: { "GNU.sparse.major": "2" } }],
  ] satisfies [string, string, WrittenEntry][])("refuses %s", (_, kind, entry) => {
    expect(faultOf(writeTestTar([entry])).kind).toBe(kind);
  });

  it("refuses a header whose checksum is wrong, and one behind a record of zeros", () => {
    const archive = writeTestTar([{ name: "a" }, { name: "b" }]);
    const damaged = Buffer.from(archive);
    damaged[600] = 1;
    expect(faultOf(damaged).message).toContain("checksum");
    const gap = Buffer.concat([archive.subarray(0, 512), Buffer.alloc(512), archive.subarray(512)]);
    expect(faultOf(gap).kind).toBe("damaged");
  });

  it("refuses extensions that are too large before it reads them", () => {
    const header = headerOf({ name: "x", flag: "L", size: 1024 * 1024 + 1 });
    expect(faultOf(header).kind).toBe("too large");
  });

  it("is content with an archive without an end, without its last padding, or with anything behind its end", () => {
    const archive = writeTestTar([{ name: "a", content: "abc" }]);
    for (const end of [1024, 512 + 3, 512 + 100, 1536]) {
      expect(readAll(archive.subarray(0, end)).map(({ content }) => content)).toEqual(["abc"]);
    }
    expect(readAll(Buffer.concat([archive, Buffer.from("anything")]))).toHaveLength(1);
    expect(readAll(Buffer.alloc(0))).toEqual([]);
  });

  it.each([100, 512 + 2, 513])("refuses an archive that ends in the middle, at %i", (end) => {
    const archive = Buffer.concat(recordsOf({ name: "a", content: "abc" }));
    expect(faultOf(archive.subarray(0, end)).message).toBe("unexpected end of data");
  });

  it("reads the same in pieces of any size", () => {
    const archive = writeTestTar([
      { name: "n".repeat(700), content: "x".repeat(1500), pax: { "SCHILY.xattr.user.a": "v" } },
      { name: "d/", flag: "5" },
      { name: "l", flag: "2", linkName: "t".repeat(300) },
      { name: "e", content: "" },
    ]);
    const whole = readAll(archive, archive.byteLength);
    expect(whole.map(({ entry }) => entry.name.length)).toEqual([700, 2, 1, 1]);
    expect(readAll(archive, 1)).toEqual(whole);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), (size) => {
        expect(readAll(archive, size)).toEqual(whole);
      }),
    );
  });

  it("never ends in anything but entries or a fault, whatever the bytes", () => {
    const archive = writeTestTar([
      { name: "a", content: "x".repeat(900), pax: { "GNU.sparse.map": "0,900", "GNU.sparse.size": "1000" } },
      { name: "b", flag: "S", content: "y", change: (header) => header.write("00000000001", 483) },
    ]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (changes, mends) => {
          const bytes = Buffer.from(archive);
          for (const [at, value] of changes) bytes[at] = value;
          if (mends)
            for (let at = 0; at < bytes.length; at += 512) withChecksum(bytes.subarray(at, at + 512));
          try {
            readAll(bytes, 700);
          } catch (error) {
            expect(error).toBeInstanceOf(TarFault);
          }
        },
      ),
    );
  });
});

describe("TarReader, on archives of GNU tar", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "drayage-tar-"));
    mkdirSync(join(folder, "tree"));
    const sparse = openSync(join(folder, "tree", "sparse"), "w");
    for (let run = 0; run < 60; run++) writeSync(sparse, `run ${run}`, run * 15 * 4096);
    ftruncateSync(sparse, 4_000_000);
    closeSync(sparse);
    writeFileSync(join(folder, "tree", "n".repeat(180)), "long");
    writeFileSync(join(folder, "tree", "old"), "1969");
    utimesSync(join(folder, "tree", "old"), "-100.5", "-100.5");
    symlinkSync("t".repeat(200), join(folder, "tree", "soft"));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const tar = (...args: string[]): Buffer =>
    execFileSync("tar", [...args, "-C", folder, "-c", "tree"], { maxBuffer: 64 * 1024 * 1024 });

  it.each(["gnu", "oldgnu", "posix"])("gives long names, links and times of the format %s", (format) => {
    const read = readAll(tar(`--format=${format}`));
    const byName = new Map(read.map((one) => [one.entry.name, one]));
    expect(byName.get(`tree/${"n".repeat(180)}`)?.content).toBe("long");
    expect(byName.get("tree/soft")?.entry.linkName).toBe("t".repeat(200));
    const { mtime } = byName.get("tree/old")?.entry ?? {};
    expect(mtime).toBe(format === "posix" ? -100.5 : -101);
    expect(byName.get("tree/")?.entry.type).toBe("directory");
  });

  it.each([
    ["gnu", "1.0"],
    ["posix", "0.0"],
    ["posix", "0.1"],
    ["posix", "1.0"],
  ])("gives the map of sparse files in format %s, version %s", (format, version) => {
    const read = readAll(tar(`--format=${format}`, "-S", `--sparse-version=${version}`), 777);
    const sparse = read.find(({ entry }) => entry.name === "tree/sparse");
    expect(sparse?.entry).toMatchObject({ type: "file", fileSize: 4_000_000 });
    const runs = sparse?.entry.sparse ?? [];
    expect(runs.length).toBeGreaterThan(25);
    expect(runs.reduce((sum, { length }) => sum + length, 0)).toBe(sparse?.entry.size);
    expect(sparse?.content.slice(0, 6)).toBe(
      readAll(tar())
        .find(({ entry }) => entry.name === "tree/sparse")
        ?.content.slice(0, 6),
    );
  });
});
