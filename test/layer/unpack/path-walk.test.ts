import { describe, expect, it } from "vitest";
import { PathWalk } from "../../../src/layer/unpack/path-walk.ts";

/** Where a path leads to among links; whatever else is on the way is a directory. `undefined`: it has too many links. */
function endOf(path: string, links: Readonly<Record<string, string>> = {}): string | undefined {
  const walk = new PathWalk("", path);
  for (let name = walk.next(); name !== undefined; name = walk.next()) {
    const at = `${walk.directory}/${name}`;
    const text = links[at];
    if (text === undefined) walk.enter(at);
    else if (!walk.follow(text)) return undefined;
  }
  return walk.directory;
}

/** Links that lead from one to the next. */
function chain(length: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length }, (_, at) => [`/${at}`, String(at + 1)]));
}

describe("PathWalk", () => {
  it.each([
    ["", ""],
    ["/", ""],
    ["a//b/./c/", "/a/b/c"],
    ["a/../b", "/b"],
    ["../../a", "/a"],
    ["a/../../..", ""],
  ])("goes along %j", (path, end) => {
    expect(endOf(path)).toBe(end);
  });

  it.each([
    ["l/x", { "/l": "a/b" }, "/a/b/x"],
    ["d/l/x", { "/d/l": "../a" }, "/a/x"],
    ["d/l/x", { "/d/l": "../../../../a" }, "/a/x"],
    ["d/l/../x", { "/d/l": "/a/b" }, "/a/x"],
    ["l/m/x", { "/l": "a", "/a/m": "n/..", "/a/n": "/b/c" }, "/b/x"],
    ["l", { "/l": "." }, ""],
  ])("follows links: %j with %j", (path, links, end) => {
    expect(endOf(path, links)).toBe(end);
  });

  it("follows as many links as Linux does, and not one more", () => {
    expect(endOf("0", chain(40))).toBe("/40");
    expect(endOf("0", chain(41))).toBeUndefined();
    expect(endOf("a", { "/a": "b", "/b": "a" })).toBeUndefined();
  });

  it("takes a text that is as long as an archive can have it", () => {
    expect(endOf("l", { "/l": "a/../".repeat(200_000) })).toBe("");
  });
});
