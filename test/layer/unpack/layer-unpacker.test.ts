import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownsAll } from "../../support/owns-all.ts";
import type { WrittenEntry } from "../../tar/support/tar-writer.ts";
import { writeTestTar } from "../../tar/support/tar-writer.ts";
import { besidesOwners } from "./support/besides-owners.ts";
import { LayerRoom } from "./support/layer-room.ts";

let room: LayerRoom;

beforeEach(async () => {
  room = await LayerRoom.open();
});

afterEach(() => room[Symbol.dispose]());

const isRoot = process.geteuid?.() === 0;
const dir = (name: string, more: Partial<WrittenEntry> = {}): WrittenEntry => ({
  name,
  flag: "5",
  mode: 0o755,
  ...more,
});
const file = (name: string, more: Partial<WrittenEntry> = {}): WrittenEntry => ({
  name,
  content: "content",
  ...more,
});
const hard = (name: string, linkName: string): WrittenEntry => ({ name, flag: "1", linkName });

describe("LayerUnpacker", () => {
  it("gives files, directories and links their modes and times", async () => {
    await room.unpackEntries([
      dir("./", { mode: 0o711, mtime: 11 }),
      dir("d/", { mode: 0o1777, mtime: 22 }),
      file("d/exec", { mode: 0o4755, mtime: 33 }),
      file("d/none", { mode: isRoot ? 0 : 0o400, mtime: 2 ** 33 }), // nobody else could look at it
      { name: "d/l", flag: "2", linkName: "../exec", mtime: 44 },
      file("umask", { mode: 0o666, pax: { mtime: "55.25" } }),
    ]);
    const tree = room.tree();
    expect([tree["."]?.mode, tree["./d"]?.mode, tree["./d/exec"]?.mode]).toEqual(["711", "1777", "4755"]);
    expect([tree["./d/none"]?.mode, tree["./d/none"]?.mtime]).toEqual([isRoot ? "0" : "400", 2 ** 33 * 1e6]);
    expect([tree["."]?.mtime, tree["./d"]?.mtime, tree["./d/exec"]?.mtime]).toEqual([11e6, 22e6, 33e6]);
    expect([tree["./d/l"]?.mtime, tree["./d/l"]?.link]).toEqual([44e6, "../exec"]);
    expect([tree["./umask"]?.mode, tree["./umask"]?.mtime]).toEqual(["666", 55.25e6]);
  });

  it("sets times before 1970, which Node.js would take for now", async () => {
    await room.unpackEntries([
      file("old", { mtime: -86_400 }),
      dir("d", { mtime: -1 }),
      { name: "l", flag: "2", linkName: "x", mtime: -2 },
      file("half", { pax: { mtime: "-1.5" } }),
    ]);
    const tree = room.tree();
    expect(["./old", "./d", "./l", "./half"].map((path) => tree[path]?.mtime)).toEqual([
      -86_400e6, -1e6, -2e6, -1.5e6,
    ]);
  });

  it.runIf(ownsAll)("gives owners to everything, and keeps set-user-ID with a new owner", async () => {
    await room.unpackEntries([
      dir("d", { uid: 5, gid: 6, mode: 0o2775 }),
      file("d/f", { uid: 7, gid: 8, mode: 0o6755 }),
      { name: "l", flag: "2", linkName: "x", uid: 2 ** 32 - 2, gid: 9 },
      { name: "p", flag: "6", uid: 1, gid: 2, mode: 0o640 },
      file("own"),
    ]);
    const owners = Object.values(room.tree()).map(({ owner, mode }) => `${owner} ${mode}`);
    expect(owners.slice(1)).toEqual(["5:6 2775", "7:8 6755", "4294967294:9 777", "0:0 644", "1:2 640"]);
  });

  it("takes the content in pieces of any size, and writes it where it belongs", async () => {
    const content = Buffer.from(Array.from({ length: 5_000 }, (_, at) => at % 251));
    const archive = writeTestTar([
      file("a", { content }),
      file("b", { content: "" }),
      file("c", { content: "c" }),
    ]);
    for (const pieceBytes of [1, 511, 512, 513, 100_000]) {
      const own = room.another();
      expect(await own.unpack(archive, { pieceBytes })).toMatchObject({
        entries: 3,
        bytes: 5_001,
        tarBytes: archive.length,
      });
      const { "./a": a, "./b": b } = own.tree();
      expect([a?.size, b?.size]).toEqual([5_000, 0]);
      own[Symbol.dispose]();
    }
  });

  it("makes hard links to files and symbolic links of the layer", async () => {
    await room.unpackEntries([
      file("f"),
      { name: "l", flag: "2", linkName: "f" },
      dir("d"),
      hard("d/f", "./f"),
      hard("d/l", "l"),
    ]);
    expect(room.types()).toEqual({
      d: "directory",
      "d/f": "file",
      "d/l": "symlink",
      f: "hardlink",
      l: "hardlink",
    });
  });

  it("tells hard links to files of lower layers, and makes nothing for them", async () => {
    const outcome = await room.unpackEntries([
      dir("d"),
      hard("d/a", "lower/file"),
      hard("d/b", "d/a"),
      file("gone"),
      hard("gone", "lower/other"),
      hard("replaced", "lower/third"),
      file("replaced"),
    ]);
    expect(outcome.crossLinks).toEqual([
      { name: "d/a", target: "lower/file" },
      { name: "d/b", target: "lower/file" },
      { name: "gone", target: "lower/other" },
    ]);
    expect(room.types()).toEqual({ d: "directory", replaced: "file" });
  });

  it("tells the directories that have no entry, and makes them for everybody to read", async () => {
    const outcome = await room.unpackEntries([
      file("a/b/c"),
      dir("late/d"),
      dir("late", { mode: 0o700 }),
      file("x/.wh.y"),
    ]);
    expect(outcome.implicitParents.toSorted()).toEqual(["", "a", "a/b", "x"]);
    const tree = room.tree();
    expect([".", "./a", "./a/b", "./late"].map((path) => tree[path]?.mode)).toEqual([
      "755",
      "755",
      "755",
      "700",
    ]);
  });

  it("writes sparse files with their holes", async () => {
    const end = 50_000_000;
    await room.unpackEntries([
      file("sparse", {
        content: "beginend",
        pax: { "GNU.sparse.map": `0,5,${end - 3},3`, "GNU.sparse.size": String(end) },
      }),
      file("empty", { content: "", pax: { "GNU.sparse.map": "", "GNU.sparse.size": "1000" } }),
    ]);
    const tree = room.tree();
    expect([tree["./sparse"]?.size, tree["./empty"]?.size]).toEqual([end, 1_000]);
  });

  it("gives attributes to files, their other names, directories and symbolic links", async () => {
    const { xattrs } = room.host;
    const attribute = xattrs.includes("trusted") ? "trusted.a" : "user.a";
    const pax = { [`SCHILY.xattr.${attribute}`]: "v\n\xff" };
    const outcome = await room.unpackEntries([
      file("f", { pax, mode: 0o4711, mtime: 77 }),
      hard("g", "f"),
      dir("d", { pax, mtime: 88 }),
      file("d/sparse", {
        content: "end",
        pax: { ...pax, "GNU.sparse.map": "97,3", "GNU.sparse.size": "100" },
      }),
      file("d/replaced", { pax }),
      file("d/replaced"),
    ]);
    const tree = room.tree();
    if (!xattrs.includes("user")) {
      expect(outcome.skipped).toMatchObject([{ kind: "xattr", count: 4 }]);
      return;
    }
    const wanted = { [attribute]: "v\n\xff" };
    expect(tree["./f"]).toMatchObject({ xattrs: wanted, mode: "4711", mtime: 77e6, size: 7 });
    expect(tree["./g"]).toMatchObject({ type: "hardlink", link: "./f" });
    expect(tree["./d"]).toMatchObject({ xattrs: wanted, mtime: 88e6 });
    expect(tree["./d/sparse"]).toMatchObject({ xattrs: wanted, size: 100 });
    expect(tree["./d/replaced"]?.xattrs).toEqual({});
  });

  it("keeps the name of an attribute as the archive has it, whatever it means to GNU tar", async () => {
    const outcome = await room.unpackEntries([
      file("f", { pax: { "LIBARCHIVE.xattr.user.a%3Db": "dg==", "SCHILY.xattr.user.c%3Dd%25": "w" } }),
    ]);
    if (room.host.xattrs.includes("user"))
      expect(room.tree()["./f"]?.xattrs).toEqual({ "user.a%3Db": "v", "user.c%253Dd%2525": "w" });
    else expect(outcome.skipped).toMatchObject([{ kind: "xattr", count: 2 }]);
  });

  it.runIf(ownsAll)("keeps capabilities, which a change of the owner would clear", async () => {
    const capability = "\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    await room.unpackEntries([
      file("ping", { uid: 3, gid: 4, pax: { "SCHILY.xattr.security.capability": capability } }),
    ]);
    expect(room.tree()["./ping"]).toMatchObject({
      owner: "3:4",
      xattrs: { "security.capability": capability },
    });
  });

  it("makes devices and FIFOs with all their names, or says which it could not", async () => {
    const outcome = await room.unpackEntries([
      { name: "p", flag: "6", mode: 0o600, mtime: 5 },
      hard("q", "p"),
      file("p"),
      { name: "c", flag: "3", major: 1, minor: 3, mode: 0o666 },
      { name: "b", flag: "4", major: 7, minor: 300 },
      hard("c2", "c"),
    ]);
    const made = room.types();
    expect(made).toMatchObject({ p: "file", ...(room.host.fifos && { q: "fifo" }) });
    if (room.host.devices) {
      expect(made).toMatchObject({ c: "character device 1:3", b: "block device 7:300" });
      expect(room.inodeOf("c2")).toBe(room.inodeOf("c"));
      expect(besidesOwners(outcome)).toEqual([]);
    } else {
      expect(besidesOwners(outcome)).toMatchObject([{ kind: "device", count: 2, examples: ["c", "b"] }]);
    }
  });

  it("says what it skips on a host that can do nothing of it", async () => {
    const pax = { "SCHILY.xattr.user.a": "v" };
    const outcome = await room.unpackEntries(
      [
        { name: "c", flag: "3", major: 1, minor: 3 },
        { name: "p", flag: "6" },
        file("f", { uid: 123, pax }),
        dir("d", { gid: 456, pax }),
        file("d/.wh.x"),
        dir("o"),
        file("o/.wh..wh..opq"),
      ],
      { host: { owners: "own", devices: false, fifos: false, xattrs: [], overlay: "none", tar: undefined } },
    );
    expect(outcome.skipped).toEqual([
      { kind: "device", count: 1, examples: ["c"] },
      { kind: "fifo", count: 1, examples: ["p"] },
      {
        kind: "owner",
        count: expect.any(Number) as number,
        examples: expect.arrayContaining(["f", "d"]) as string[],
      },
      { kind: "xattr", count: 2, examples: ["f: user.a", "d: user.a"] },
    ]);
    expect(room.types()).toMatchObject({
      f: "file",
      d: "directory",
      "d/.wh.x": "file",
      "o/.wh..wh..opq": "file",
    });
    expect(outcome.opaque).toEqual(["o"]);
    expect(outcome.whiteouts.toSorted()).toEqual(["c", "d/x", "p"]); // what cannot be made hides what is below all the same
  });
});

/** The form of this host: what GNU tar says of the hidden name, and the attribute of an opaque directory. */
const form = () => ({
  whiteout: room.host.overlay === "none" ? "file" : "character device 0:0",
  opaque: room.host.overlay === "none" ? {} : { [`${room.host.overlay}.overlay.opaque`]: "y" },
  prefix: room.host.overlay === "none" ? ".wh." : "",
});

describe("LayerUnpacker, on whiteouts", () => {
  it("hides what lower layers have as overlayfs wants it", async () => {
    const outcome = await room.unpackEntries([
      dir("d"),
      file("d/.wh.gone"),
      file("d/kept"),
      file(".wh.top"),
      file("new/.wh.x"),
    ]);
    const { whiteout, prefix } = form();
    expect(room.types()).toEqual({
      d: "directory",
      [`d/${prefix}gone`]: whiteout,
      "d/kept": "file",
      new: "directory",
      [`new/${prefix}x`]: room.host.overlay === "none" ? whiteout : expect.any(String),
      [`${prefix}top`]: expect.any(String) as string,
    });
    expect(outcome.whiteouts.toSorted()).toEqual(["d/gone", "new/x", "top"]);
    expect(outcome.opaque).toEqual([]);
  });

  it("makes directories opaque, by their mark and by a whiteout of their name", async () => {
    const outcome = await room.unpackEntries([
      dir("marked"),
      file("marked/.wh..wh..opq"),
      file("marked/x"),
      dir("marked/within"),
      file("marked/within/.wh..wh..opq"),
      file(".wh.again"),
      dir("again"),
      dir("before"),
      file(".wh.before"),
      file(".wh.implicit"),
      file("implicit/deep/x"),
      dir("plain"),
    ]);
    const tree = room.tree();
    for (const path of ["./marked", "./again", "./before", "./implicit"]) {
      expect([path, tree[path]?.xattrs]).toEqual([path, form().opaque]);
    }
    for (const path of ["./marked/within", "./plain"]) expect([path, tree[path]?.xattrs]).toEqual([path, {}]);
    expect(outcome.whiteouts).toEqual([]);
    expect(outcome.opaque.toSorted()).toEqual(["again", "before", "implicit", "marked"]);
    expect(outcome.implicitParents).toEqual([""]); // nothing of what is hidden says anything of its directories
  });

  it("lets a lower layer say what an opaque directory without an entry is", async () => {
    const outcome = await room.unpackEntries([dir("."), file("d/.wh..wh..opq"), file("d/e/x")]);
    expect(outcome.implicitParents).toEqual(["d"]);
  });

  it("never hides what its own layer has, in whatever order it comes", async () => {
    const outcome = await room.unpackEntries([
      file("a"),
      file(".wh.a"),
      file(".wh.b"),
      file("b"),
      hard("c", "lower"),
      file(".wh.c"),
    ]);
    expect(room.types()).toEqual({ a: "file", b: "file" });
    expect(outcome).toMatchObject({ whiteouts: [], crossLinks: [{ name: "c", target: "lower" }] });
  });

  it("tells a root that is opaque, for which overlayfs has no mark", async () => {
    const outcome = await room.unpackEntries([dir("."), file(".wh..wh..opq"), file("a")]);
    expect(outcome).toMatchObject({ whiteouts: [], opaque: [""] });
  });

  it("takes a device 0:0 for what overlayfs takes it for", async () => {
    const outcome = await room.unpackEntries([{ name: "x", flag: "3", major: 0, minor: 0 }, file("rest")]);
    expect(outcome.whiteouts).toEqual(["x"]);
    expect(Object.keys(room.types())).toContain(`${form().prefix}x`);
  });

  it("passes over what aufs keeps for itself, except files that hard links lead to", async () => {
    const outcome = await room.unpackEntries([
      dir("."),
      file(".wh..wh.aufs"),
      dir(".wh..wh.plnk"),
      dir(".wh..wh.orph"),
      file(".wh..wh.plnk/1.2", { mode: 0o700 }),
      hard("a", ".wh..wh.plnk/1.2"),
      hard("b", "/.wh..wh.plnk/1.2"),
    ]);
    expect(room.types()).toEqual({ a: "file", b: "hardlink" });
    expect(outcome).toMatchObject({ implicitParents: [], whiteouts: [] });
    expect(besidesOwners(outcome)).toEqual([]);
  });

  it("hides a name that begins like a mark, below the root, as moby and containerd do", async () => {
    await room.unpackEntries([dir("d"), file("d/.wh..wh.aufs"), file("rest")]);
    expect(Object.keys(room.types())).toContain(`d/${form().prefix}.wh.aufs`);
  });

  it("makes thousands of whiteouts", async () => {
    const names = Array.from({ length: 3_000 }, (_, at) => `d/.wh.${"n".repeat(at % 200)}${at}`);
    await room.unpackEntries([dir("d"), ...names.map((name) => file(name))]);
    expect(Object.keys(room.types())).toHaveLength(3_001);
  });
});
