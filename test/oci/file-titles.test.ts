import { posix, win32 } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors.ts";
import { checkTogether, pathOfTitle, titledLayers } from "../../src/oci/file-titles.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { anyTitle } from "./titles.ts";

const pathOr = (title: string): readonly string[] | undefined => {
  try {
    return pathOfTitle(title);
  } catch (error) {
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    return undefined;
  }
};

const together = (...titles: string[]): void =>
  checkTogether(titles.map((title) => ({ title, path: pathOfTitle(title) })));

describe("pathOfTitle()", () => {
  it.each([
    ["a.txt", ["a.txt"]],
    ["sub/dir/a.txt", ["sub", "dir", "a.txt"]],
    ["./a//b/", ["a", "b"]],
    ["..a", ["..a"]],
    ["a..", ["a.."]],
    ["-rf", ["-rf"]],
    ["ä ö", ["ä ö"]],
    ["n".repeat(255), ["n".repeat(255)]],
  ])("takes %j", (title, path) => {
    expect(pathOfTitle(title)).toEqual(path);
  });

  it.each([
    "",
    "/etc/passwd",
    "//etc/passwd",
    "..",
    "../x",
    "a/../../x",
    "a/../b",
    "a\0b",
    "a\nb",
    "a\u009bb",
    "a\\b",
    "..\\x",
    "\\\\host\\share",
    "C:/x",
    "c:x",
    "\ud800x",
    "n".repeat(256),
    "ä".repeat(128),
    "a/".repeat(3_000),
    "x.0123456789ab.partial",
    "x.0123456789ab.partial.lock",
    "x.0123456789AB.tmp",
  ])("refuses %j", (title) => {
    expect(pathOr(title)).toBeUndefined();
  });

  it("gives only paths that stay below a directory, on any system", () => {
    fc.assert(
      fc.property(anyTitle, (title) => {
        const path = pathOr(title);
        if (!path) return;
        for (const { join, resolve, sep } of [posix, win32]) {
          const top = resolve(sep, "top");
          const reached = resolve(join(top, ...path));
          expect(path.length === 0 ? reached === top : reached.startsWith(top + sep)).toBe(true);
        }
      }),
      { numRuns: propertyRuns(2_000) },
    );
  });
});

describe("checkTogether()", () => {
  it("takes titles beside each other", () => {
    together("a", "b/a", "b/c", "ab", "1", "\uff11");
  });

  it.each([
    ["the same title", "a", "a"],
    ["two spellings of one", "a/b", "./a//b"],
    ["large and small letters", "README", "readme"],
    ["letters with several small ones", "STRASSE", "straße"],
    ["two forms of one letter", "\u00e9", "e\u0301"],
    ["a file as a directory", "a", "a/b"],
    ["a directory as a file", "a/b/c", "A/B"],
  ])("refuses %s", (_, first, second) => {
    expect(() => together(first, "other", second)).toThrow(ErrInvalidArgument);
  });
});

describe("titledLayers()", () => {
  const digest = `sha256:${"0".repeat(64)}`;
  const layer = (annotations?: Record<string, string>) =>
    ({ mediaType: "text/plain", digest, size: 1, ...(annotations && { annotations }) }) as never;
  const title = "org.opencontainers.image.title";
  const unpack = "io.deis.oras.content.unpack";

  it("leaves those without a title out, and tells files from directories", () => {
    const directory = { [title]: ".", [unpack]: "true", "io.deis.oras.content.digest": digest };
    const layers = [layer(), layer({ [title]: "a" }), layer(directory)];
    expect(titledLayers(layers)).toMatchObject([
      { title: "a", path: ["a"], isDirectory: false },
      { title: ".", path: [], isDirectory: true, archive: digest },
    ]);
  });

  it("refuses a file that is the directory itself, and a digest that is none", () => {
    expect(() => titledLayers([layer({ [title]: "./" })])).toThrow(ErrInvalidArgument);
    const odd = { [title]: "d", [unpack]: "true", "io.deis.oras.content.digest": "sha256:1" };
    expect(() => titledLayers([layer(odd)])).toThrow(ErrInvalidArgument);
  });
});
