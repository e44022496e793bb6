import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrDataLoss, ErrInvalidArgument, ErrResourceExhausted } from "../../../src/errors/classes.ts";
import { isDrayageError } from "../../../src/errors/drayage-error.ts";
import type { HostAbilities } from "../../../src/layer/unpack/host-abilities.ts";
import { propertyRuns } from "../../support/property-runs.ts";
import { headerOf, recordsOf, type WrittenEntry, writeTestTar } from "../../tar/support/tar-writer.ts";
import { besidesOwners } from "./support/besides-owners.ts";
import { LayerRoom } from "./support/layer-room.ts";

let room: LayerRoom;

beforeEach(async () => {
  room = await LayerRoom.open();
});

afterEach(() => room[Symbol.dispose]());

async function errorOf(work: () => Promise<unknown>): Promise<Error> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

/** What becomes of a device 1:3: where there can be none, it still hides what is below. */
function deviceOn({ devices, overlay }: HostAbilities): string | undefined {
  if (devices) return TYPES["3"];
  return overlay === "none" ? undefined : "character device 0:0";
}

const dir = (name: string): WrittenEntry => ({ name, flag: "5", mode: 0o755 });
const link = (name: string, linkName: string): WrittenEntry => ({ name, flag: "2", linkName });
const hard = (name: string, linkName: string): WrittenEntry => ({ name, flag: "1", linkName });
const file = (name: string, content = "evil"): WrittenEntry => ({ name, content });

describe("a hostile layer", () => {
  it.each<[string, string, WrittenEntry[]]>([
    ["a path that leads up", "../outside/secret", [file("../outside/secret")]],
    ["a path that leads up and down again", "a/../../x", [dir("a"), file("a/../../x")]],
    ["a path that leads up from the root", "/../../outside/secret", [file("/../../outside/secret")]],
    ["a directory that leads up", "../new", [dir("../new")]],
    ["a hard link to a path that leads up", "h", [hard("h", "../../outside/secret")]],
    ["links in a circle", "a/x", [link("a", "b"), link("b", "a"), file("a/x")]],
    ["a path through a file", "f/x", [file("f"), file("f/x")]],
    ["a path through a FIFO", "p/x", [{ name: "p", flag: "6" }, file("p/x")]],
    ["a path through a whiteout's name", ".wh.a/x", [file(".wh.a/x")]],
    ["a root that is a file", ".", [file(".")]],
    ["a root that is a link", "./", [link("./", "../outside")]],
    ["a hard link to a directory", "h", [dir("d"), hard("h", "d")]],
    ["a hard link to the root", "h", [hard("h", "/")]],
    ["a hard link to itself", "h", [file("h"), hard("h", "./h")]],
    ["a link to nowhere", "l", [link("l", "")]],
    ["a link that is too long to be one", "l", [link("l", "x/".repeat(2_048))]],
    ["a whiteout of nothing", ".wh.", [file(".wh.")]],
    ["a whiteout of the root", ".wh..", [file(".wh..")]],
    ["a whiteout of what is above the root", ".wh...", [file(".wh...")]],
    ["a whiteout of what is above a directory", "d/.wh...", [dir("d"), file("d/.wh...")]],
    ["a hard link to a whiteout", "h", [hard("h", ".wh.x")]],
    ["a type that nobody knows", "v", [{ name: "v", flag: "V" }]],
    ["an owner that no file can have", "o", [{ name: "o", uid: 2 ** 32 }]],
    ["an owner that means nobody", "o", [{ name: "o", uid: 2 ** 32 - 1 }]],
    ["a negative owner", "o", [{ name: "o", gid: -5 }]],
    ["a name that is too long for a file", "n".repeat(30), [file("n".repeat(300))]],
  ])("is refused for %s, by its name", async (_, name, entries) => {
    const error = await errorOf(() => room.unpackEntries([file("good", "good"), ...entries, file("behind")]));
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    expect(error.message).toContain(name);
    expect(existsSync(join(room.directory, "behind"))).toBe(false);
  });

  it.each<[string, WrittenEntry[], Record<string, string>]>([
    ["an absolute path", [file("/etc/passwd")], { etc: "directory", "etc/passwd": "file" }],
    ["an absolute hard link", [file("a"), hard("/b", "/a")], { a: "file", b: "hardlink" }],
    [
      "a path through an absolute link, which leads inside the layer",
      [link("l", "/outside"), file("l/secret")],
      { l: "symlink", outside: "directory", "outside/secret": "file" },
    ],
    ["a path that leads up within the layer", [dir("a"), file("a/../b")], { a: "directory", b: "file" }],
    [
      "a path that leads up through a link, which is not followed then",
      [dir("d"), dir("d/e"), link("l", "d/e"), file("l/../x")],
      { d: "directory", "d/e": "directory", l: "symlink", x: "file" },
    ],
    [
      "a path through a link that leads out, which ends at the root",
      [link("l", "../../outside"), file("l/secret"), dir("l/new")],
      { l: "symlink", outside: "directory", "outside/secret": "file", "outside/new": "directory" },
    ],
    [
      "a hard link through a link that leads out",
      [link("l", "../../outside"), hard("h", "l/secret")],
      { l: "symlink" },
    ],
    [
      "a whiteout through a link that leads out",
      [link("l", "../../outside"), file("l/.wh.secret")],
      { l: "symlink", outside: "directory", "outside/secret": "character device 0:0" },
    ],
    [
      "a path through links that lead out together",
      [dir("d"), link("d/a", "../.."), link("b", "d/a"), file("b/secret")],
      { d: "directory", "d/a": "symlink", b: "symlink", secret: "file" },
    ],
    [
      "a path through a link that goes up where nothing is",
      [link("l", "nowhere/../d"), file("l/x")],
      { l: "symlink", d: "directory", "d/x": "file" },
    ],
    [
      "a path through a link to a directory of the layer",
      [dir("usr"), dir("usr/lib"), link("lib", "usr/lib"), file("lib/x"), hard("lib/y", "usr/lib/x")],
      {
        usr: "directory",
        "usr/lib": "directory",
        lib: "symlink",
        "usr/lib/x": "file",
        "usr/lib/y": "hardlink",
      },
    ],
    ["a file over a link that leads out", [link("l", "../../outside/secret"), file("l")], { l: "file" }],
    [
      "a directory over a link that leads out",
      [link("l", "../../outside"), dir("l"), file("l/secret")],
      { l: "directory", "l/secret": "file" },
    ],
    [
      "a hard link to a link that leads out",
      [link("l", "../../outside/secret"), hard("h", "l"), file("h")],
      { l: "symlink", h: "file" },
    ],
    ["a link over a directory", [dir("d"), file("d/x"), link("d", "../../outside")], { d: "symlink" }],
    [
      "twins by case and by Unicode",
      [file("a"), file("A"), file("\xc3\xa4"), file("a\xcc\x88")],
      { a: "file", A: "file", "\xc3\xa4": "file", "a\xcc\x88": "file" },
    ],
    [
      "names that are no UTF-8",
      [dir("\xff"), file("\xff/\x80\xfe")],
      { "\xff": "directory", "\xff/\x80\xfe": "file" },
    ],
    [
      "names that look like options",
      [file("-rf"), file("--checkpoint-action=exec=sh")],
      { "-rf": "file", "--checkpoint-action=exec=sh": "file" },
    ],
  ])("is unpacked inside its directory: %s", async (_, entries, wanted) => {
    await room.unpackEntries(entries);
    expect(room.types()).toEqual(wanted);
  });

  it("has its last word where an entry comes again with another type", async () => {
    const kinds: WrittenEntry[] = [
      file("x", "content"),
      dir("x"),
      link("x", "../../outside/secret"),
      { name: "x", flag: "6" },
      { name: "x", flag: "3", major: 1, minor: 3 },
      hard("x", "target"),
    ];
    for (const first of kinds) {
      for (const second of kinds) {
        using own = room.another();
        await own.unpackEntries([file("target"), first, second]);
        const wanted = second.flag === "3" ? deviceOn(room.host) : TYPES[second.flag ?? "0"];
        expect([first.flag, second.flag, own.types()["x"]]).toEqual([first.flag, second.flag, wanted]);
      }
    }
  });

  it("keeps nothing of a directory that a file replaces, and everything of one that comes again", async () => {
    await room.unpackEntries([
      dir("d"),
      file("d/old"),
      file("d"),
      dir("d"),
      file("d/new"),
      { ...dir("d"), mode: 0o700 },
    ]);
    expect(room.types()).toEqual({ d: "directory", "d/new": "file" });
    expect(room.tree()["./d"]?.mode).toBe("700");
  });

  it("forgets what waited in a directory that is replaced", async () => {
    const outcome = await room.unpackEntries([
      dir("d"),
      { name: "d/pipe", flag: "6" },
      hard("d/cross", "lower"),
      file("d/.wh.gone"),
      { name: "d/caps", pax: { "SCHILY.xattr.user.a": "v" } },
      link("d", "../../outside"),
    ]);
    expect(outcome).toMatchObject({ crossLinks: [], whiteouts: [], opaque: [] });
    expect(room.types()).toEqual({ d: "symlink" });
  });

  it("is refused for a path that is too long, too deep, or a header that is too large", async () => {
    const long = await errorOf(() => room.unpackEntries([file(`${"d/".repeat(2_060)}x`)]));
    expect(long).toBeInstanceOf(ErrResourceExhausted);
    const deep = await errorOf(() => room.unpackEntries([file(`${"d/".repeat(600)}x`)]));
    expect(deep.message).toContain("directories deep, wanted at most 512");
    const large = headerOf({ name: "x", flag: "x", size: 2 ** 30 });
    expect(await errorOf(() => room.unpack(large))).toBeInstanceOf(ErrResourceExhausted);
  });

  it("reaches a file in a tree that is as deep as may be, more than may be open at once", async () => {
    const path = `${"d/".repeat(510)}x`;
    await room.unpackEntries([
      file(path),
      dir("e"),
      file("e/y"),
      hard("e/z", path),
      file(`${"d/".repeat(509)}w`),
    ]);
    expect(
      Object.keys(room.types()).filter((name) => name.endsWith("/x") || name.endsWith("/w")),
    ).toHaveLength(2);
  });

  it("is refused for one entry, one byte, too many", async () => {
    const entries = [file("a"), file("b"), file("c")];
    const archive = writeTestTar(entries);
    expect(
      (await room.unpack(archive, { limits: { maxEntries: 3, maxBytes: archive.byteLength } })).entries,
    ).toBe(3);
    const many = await errorOf(() => room.unpack(archive, { limits: { maxEntries: 2 } }));
    expect(many).toBeInstanceOf(ErrResourceExhausted);
    expect(many.message).toContain('"c" it has more than 2 entries');
    const much = await errorOf(() => room.unpack(archive, { limits: { maxBytes: archive.byteLength - 1 } }));
    expect(much).toBeInstanceOf(ErrResourceExhausted);
  });

  it("is refused for a file that claims more bytes than a layer may have, before any of them", async () => {
    const claim = { ...file("huge"), size: 2 ** 52 };
    const error = await errorOf(() => room.unpackEntries([claim]));
    expect(error).toBeInstanceOf(ErrResourceExhausted);
    expect(error.message).toContain('"huge"');
  });

  it.each<[string, new (message: string) => Error, Buffer]>([
    ["a negative size", ErrInvalidArgument, writeTestTar([file("good"), { ...file("x"), size: -1 }])],
    [
      "a size beyond what is exact",
      ErrInvalidArgument,
      writeTestTar([file("good"), { ...file("x"), size: 2 ** 62 }]),
    ],
    ["a wrong checksum", ErrDataLoss, Buffer.concat([...recordsOf(file("good")), Buffer.alloc(512, "x")])],
    ["an end in a header", ErrDataLoss, writeTestTar([file("good"), file("x")]).subarray(0, 1_100)],
    [
      "an end in a file",
      ErrDataLoss,
      writeTestTar([{ name: "good", content: "x".repeat(600) }]).subarray(0, 700),
    ],
    [
      "a sparse map that leads beyond the file",
      ErrInvalidArgument,
      writeTestTar([file("good"), sparse("9,4", "10")]),
    ],
    [
      "a sparse map that does not fit its content",
      ErrInvalidArgument,
      writeTestTar([file("good"), sparse("0,3", "10")]),
    ],
    [
      "a sparse map whose runs overlap",
      ErrInvalidArgument,
      writeTestTar([file("good"), sparse("4,2,5,2", "10")]),
    ],
    [
      "an attribute whose name ends before its end",
      ErrInvalidArgument,
      writeTestTar([file("good"), { ...file("x"), pax: { "SCHILY.xattr.user.a\0b": "v" } }]),
    ],
    [
      "an attribute of libarchive whose name does so",
      ErrInvalidArgument,
      writeTestTar([file("good"), { ...file("x"), pax: { "LIBARCHIVE.xattr.user.a%00b": "dg==" } }]),
    ],
  ])("is refused for %s, with the entry before it", async (_, type, archive) => {
    const error = await errorOf(() => room.unpack(archive));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toContain('"good"');
  });

  it("may have anything behind its end", async () => {
    const archive = Buffer.concat([writeTestTar([file("a")]), Buffer.from("anything".repeat(1_000))]);
    expect((await room.unpack(archive)).entries).toBe(1);
  });

  it("shows no control characters of a name in its error", async () => {
    const error = await errorOf(() => room.unpackEntries([file("../\x1b[31mred\n")]));
    expect(error.message).toMatch(/^[^\p{Cc}]*$/u);
  });

  it("sets no attributes that mean something to overlayfs", async () => {
    const outcome = await room.unpackEntries([
      {
        ...dir("d"),
        pax: { "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.overlay.redirect": "/etc" },
      },
    ]);
    expect(room.tree()["./d"]?.xattrs).toEqual({});
    expect(besidesOwners(outcome)).toMatchObject([{ kind: "xattr", count: 2 }]);
  });

  it("touches nothing outside, and ends in a typed error or a tree, whatever its entries (seed printed on failure)", async () => {
    const names = [
      "a",
      "b",
      "a/b",
      "b/a",
      "a/b/c",
      "../x",
      "/a",
      "./b/",
      ".",
      ".wh.a",
      "a/.wh.b",
      "a/.wh..wh..opq",
      ".wh..wh.plnk/1",
    ];
    const targets = [...names, "../../outside", "../../outside/secret", "/", "a/../..", ""];
    const entry = fc.record({
      name: fc.constantFrom(...names),
      flag: fc.constantFrom("0", "1", "2", "3", "5", "6"),
      linkName: fc.constantFrom(...targets),
      mode: fc.constantFrom(0o644, 0o4755, 0o2775, 0),
      uid: fc.constantFrom(0, 5),
      mtime: fc.constantFrom(0, -1, 1_700_000_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 12 }), async (entries) => {
        using own = room.another();
        try {
          await own.unpackEntries(entries);
        } catch (error) {
          expect(isDrayageError(error)).toBe(true);
          expect(error).not.toMatchObject({ code: "ERR_UNKNOWN" });
        }
        expect(readFileSync(join(room.folder, "outside", "secret"), "utf8")).toBe("secret");
        room.expectNothingTouched();
      }),
      { numRuns: propertyRuns(150) },
    );
  });
});

function sparse(map: string, size: string): WrittenEntry {
  return { name: "sparse", content: "data", pax: { "GNU.sparse.map": map, "GNU.sparse.size": size } };
}

/** What GNU tar calls what these flags stand for. */
const TYPES: Readonly<Record<string, string>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character device 1:3",
  "5": "directory",
  "6": "fifo",
};
