import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchGlob } from "../../src/reference/glob.ts";
import { refusal } from "./references.ts";

/** What a piece of a pattern is in a regular expression, where it differs. */
const EXPRESSIONS = new Map([
  ["*", "[^/]*"],
  ["?", "[^/]"],
]);

describe("matchGlob()", () => {
  it.each<[pattern: string, name: string, expected: boolean]>([
    ["", "", true],
    ["", "a", false],
    ["abc", "abc", true],
    ["abc", "abcd", false],
    ["abcd", "abc", false],
    ["*", "", true],
    ["*", "abc", true],
    ["*", "a/c", false],
    ["**", "abc", true],
    ["a*", "ab/c", false],
    ["a*/c", "ab/c", true],
    ["a*/c", "ab/d/c", false],
    ["*c", "abcc", true],
    ["*ab*cd", "xxabxabyycd", true],
    ["a*b*c*", "aabbcc", true],
    ["a*b?c", "abbc", true],
    ["*x", "xxx", true],
    ["*x", "xxy", false],
    ["?", "", false],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["a?c", "aéc", true],
    ["a?c", "a🐳c", true],
    ["a[b-d]e", "ace", true],
    ["a[b-d]e", "aee", false],
    ["a[^b-d]e", "aee", true],
    ["a[^b-d]e", "ace", false],
    ["[xa-cz]", "z", true],
    ["[xa-cz]", "y", false],
    ["[d-a]", "b", false],
    ["[a^]", "^", true],
    ["[*?[]", "[", true],
    ["[*?[]", "x", false],
    ["[🐀-🐿]", "🐳", true],
    ["[^a]", "/", true],
    ["[a]", "", false],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["\\a", "a", true],
    ["[\\]]", "]", true],
    ["[\\-x]", "-", true],
    ["[a-\\]]", "^", false],
    ["]", "]", true],
    ["a-b^", "a-b^", true],
  ])("decides %j on %j: %s", (pattern, name, expected) => {
    expect(matchGlob(pattern, name)).toBe(expected);
  });

  it.each([
    "[",
    "[]",
    "[]a]",
    "[^]",
    "[^",
    "[a",
    "[a-",
    "[a-]",
    "[-]",
    "[-a]",
    "[a-b-c]",
    "\\",
    "[\\",
    "a\\",
  ])("refuses the pattern %j even when the name differs before the mistake", (mistake) => {
    for (const pattern of [mistake, `x${mistake}`, `*${mistake}`]) {
      for (const name of ["", "a", "other"]) {
        expect(refusal(() => matchGlob(pattern, name)).message).toBe("syntax error in pattern");
      }
    }
  });

  it("refuses a pattern beyond its bound", () => {
    expect(matchGlob("*".repeat(4_096), "x")).toBe(true);
    expect(refusal(() => matchGlob("*".repeat(4_097), "x")).message).toBe(
      "syntax error in pattern: 4097 characters, at most 4096",
    );
  });

  it("ends on patterns that make a backtracking matcher explode", () => {
    const name = "a".repeat(4_000);
    expect(matchGlob(`${"a*".repeat(2_000)}b`, name)).toBe(false);
    expect(matchGlob("*a".repeat(2_000), name)).toBe(true);
  });

  it("decides like the pattern's regular expression", () => {
    const pieces = fc.array(fc.constantFrom("a", "b", "/", "*", "?", "[ab]", "[^/b]"), { maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
    fc.assert(
      fc.property(pieces, name, (pieces, name) => {
        const source = pieces.map((piece) => EXPRESSIONS.get(piece) ?? piece).join("");
        expect(matchGlob(pieces.join(""), name)).toBe(new RegExp(`^${source}$`).test(name));
      }),
      { numRuns: 2_000 },
    );
  });
});
