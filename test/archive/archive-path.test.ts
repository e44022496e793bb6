import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blobPathOf, isImageFile, parseArchivePath, symlinkTarget } from "../../src/archive/archive-path.ts";
import { digestOf } from "../../src/digest/digest.ts";

const DIGEST = digestOf("x");
const HEX = DIGEST.slice("sha256:".length);

describe("parseArchivePath()", () => {
  it.each(["oci-layout", "index.json", "manifest.json"])("knows the document %s", (name) => {
    expect(parseArchivePath(name)).toEqual({ kind: "document", name });
    expect(parseArchivePath(`./${name}`)).toEqual({ kind: "document", name });
  });

  it("knows blobs by their digest", () => {
    const path = `blobs/sha256/${HEX}`;
    expect(parseArchivePath(path)).toEqual({ kind: "blob", path, digest: DIGEST });
    expect(parseArchivePath(`././${path}`)).toEqual({ kind: "blob", path, digest: DIGEST });
    const long = `blobs/sha512/${HEX}${HEX}`;
    expect(parseArchivePath(long)).toEqual({ kind: "blob", path: long, digest: `sha512:${HEX}${HEX}` });
  });

  it.each([
    `${HEX}/layer.tar`,
    `${HEX}.tar`,
    `${HEX}.tar.gz`,
    `${HEX}.json`,
    `sha256:${HEX}`,
    "layer0.tar.zst",
  ])("takes %s for a file of docker's list", (path) => {
    expect(parseArchivePath(path)).toEqual({ kind: "file", path });
  });

  it.each([
    ["a/b/layer.tar", "a/b/layer.tar"],
    [`x/blobs/sha256/${HEX}`, `x/blobs/sha256/${HEX}`],
    [`blobs/sha256/${HEX}.tar.gz`, `blobs/sha256/${HEX}.tar.gz`],
    [`blobs/md5/${HEX}`, `blobs/md5/${HEX}`],
    [`blobs/sha256/${HEX.toUpperCase()}`, `blobs/sha256/${HEX.toUpperCase()}`],
    ["root/index.json", "root/index.json"],
    ["./a//b/./c/", "a/b/c"],
  ])("takes %s for the file %s", (name, path) => {
    expect(parseArchivePath(name)).toEqual({ kind: "file", path });
  });

  it.each([
    "",
    ".",
    "./",
    "/index.json",
    "../index.json",
    "a/../index.json",
    "../layer.tar",
    "./../layer.tar",
    "/layer.tar",
    `blobs/sha256/../sha256/${HEX}`,
    `/blobs/sha256/${HEX}`,
    `${"x".repeat(1_100)}.tar`,
  ])("ignores %j", (name) => {
    expect(parseArchivePath(name)).toBeUndefined();
  });

  it("never gives a path that leads up or starts at the root", () => {
    const part = fc.constantFrom(
      "..",
      ".",
      "/",
      "blobs",
      "sha256",
      HEX,
      "a.tar",
      "index.json",
      "layer.tar",
      "\\",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom("/", ""), (parts, separator) => {
        const found = parseArchivePath(parts.join(separator));
        const path = found === undefined || found.kind === "document" ? "" : found.path;
        expect(path).not.toMatch(/^\/|(?:^|\/)\.\.?(?:\/|$)/);
      }),
    );
  });
});

describe("isImageFile()", () => {
  it.each<[string, boolean | undefined]>([
    [`${HEX}.json`, true],
    [`${HEX}/layer.tar`, true],
    ["a/b.tgz", true],
    [`sha256:${HEX}`, true],
    ["repositories", false],
    [`${HEX}/json`, false],
    [`${HEX}/VERSION`, false],
    ["config", undefined],
    ["etc/passwd", undefined],
  ])("of %s is %s", (path, expected) => {
    expect(isImageFile(path)).toBe(expected);
  });
});

describe("blobPathOf()", () => {
  it("is what parseArchivePath reads back", () => {
    expect(parseArchivePath(blobPathOf(DIGEST))).toMatchObject({ kind: "blob", digest: DIGEST });
  });
});

describe("symlinkTarget()", () => {
  it.each([
    ["a/layer.tar", "../b/layer.tar", "b/layer.tar"],
    ["a/layer.tar", "other.tar", "a/other.tar"],
    ["a.tar", "b.tar", "b.tar"],
    ["a/layer.tar", ".././b/../c.tar", "c.tar"],
  ])("leads from %s by %s to %s", (path, link, target) => {
    expect(symlinkTarget(path, link)).toBe(target);
  });

  it.each([
    ["a/layer.tar", "../../etc/shadow"],
    ["a.tar", "../x.tar"],
    ["a.tar", ".."],
    ["a/layer.tar", "/etc/shadow"],
  ])("leads out of the archive from %s by %s", (path, link) => {
    expect(symlinkTarget(path, link)).toBeUndefined();
  });
});
