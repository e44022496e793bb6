import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern } from "../../../src/content/filters/compile-pattern.ts";

function matches(pattern: string, text: string): boolean | undefined {
  return compilePattern(pattern)?.(text);
}

describe("compilePattern()", () => {
  it.each([
    ["", ["", "a"], []],
    ["b", ["b", "abc"], ["", "ac"]],
    ["^b$", ["b"], ["ab", "bc", "b\n", "\nb"]],
    ["(?m)^b$", ["b", "a\nb\nc"], ["ab"]],
    ["a.c", ["abc", "a🚢c"], ["ac", "a\nc"]],
    ["(?s)a.c", ["a\nc"], ["ac"]],
    ["a|bc|", ["", "x"], []],
    ["^(a|bc)+$", ["a", "abca"], ["", "b"]],
    ["^a*?b+?c??$", ["b", "aabbc"], ["a", "ac"]],
    ["^a{2}$", ["aa"], ["a", "aaa"]],
    ["^a{2,}$", ["aa", "aaaa"], ["a"]],
    ["^a{0,2}$", ["", "a", "aa"], ["aaa"]],
    ["^(ab){0}c$", ["c"], ["abc"]],
    ["^(a*)*$", ["", "aaa"], ["b"]],
    ["^.{1000}$", ["a".repeat(1_000)], ["a".repeat(999)]],
    ["^(a?){50}a{50}$", ["a".repeat(50), "a".repeat(100)], ["a".repeat(49)]],
    ["a{,2}", ["a{,2}"], ["aa"]],
    ["a{x}", ["a{x}"], ["a"]],
    ["[a-c]", ["b"], ["d", "-"]],
    ["^[^a-c]$", ["d", "\n"], ["b", ""]],
    ["^[]a]$", ["]", "a"], ["b"]],
    ["^[^]a]$", ["b"], ["]", "a"]],
    ["^[a-]$", ["a", "-"], ["b"]],
    ["^[\\d_.-]+$", ["1_2.3-4"], ["a"]],
    ["^[\\]\\\\]+$", ["]\\"], ["a"]],
    ["^\\d\\D\\w\\W\\s\\S$", ["1a_- x"], ["aaaaaa"]],
    ["\\ba\\b", ["a", "-a-"], ["ab", "_a"]],
    ["\\Bb", ["ab"], ["b", "-b"]],
    ["\\Aa\\z", ["a"], ["ba", "a\n"]],
    ["^\\x41\\x{1F6A2}\\101\\t\\.$", ["A🚢A\t."], ["A🚢A\tx"]],
    ["(?i)^layer-[A-C]é$", ["LAYER-bÉ", "layer-Cé"], ["layer-dé"]],
    ["^(?i:a)b$", ["Ab", "ab"], ["aB"]],
    ["^(?i)a(?-i)b$", ["Ab"], ["aB"]],
    ["(?i)[^a]", ["b"], ["A", "a"]],
    ["^(?:a)(?P<name>b)(?<other>c)$", ["abc"], ["ab"]],
    ["(?U)a+", ["aa"], ["b"]],
    ["🚢{2}", ["🚢🚢"], ["🚢"]],
    ["]}", ["]}"], ["]"]],
  ])("matches %j", (pattern, yes, no) => {
    for (const text of yes) expect([text, matches(pattern, text)]).toEqual([text, true]);
    for (const text of no) expect([text, matches(pattern, text)]).toEqual([text, false]);
  });

  it.each([
    "(",
    ")",
    "a)",
    "(?",
    "(?x)",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?P<a-b>c)",
    "*",
    "+a",
    "{2}",
    "a|*",
    "(*)",
    "(?i)*",
    "a**",
    "a*+",
    "a???",
    "a{2}{3}",
    "a{2,1}",
    "a{1001}",
    "a{0,99999999999}",
    "[",
    "[]",
    "[^]",
    "[b-a]",
    "[a-\\d]",
    "[[:alpha:]]",
    "\\",
    "\\1",
    "\\8",
    "\\pL",
    "\\C",
    "\\Qa\\E",
    "\\Z",
    "\\y",
    "\\é",
    "\\x",
    "\\x{110000}",
    "\\x{}",
    "\ud800",
  ])("does not compile %j", (pattern) => {
    expect(compilePattern(pattern)).toBeUndefined();
  });

  it.each([
    ["(a{1000}){1000}", "too many states"],
    ["((((((((((){1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000}){1000})", "empty, but many times"],
    [`${"(".repeat(101)}${")".repeat(101)}`, "nested too deeply"],
    ["a".repeat(5_000), "too long"],
    ["a|".repeat(2_000), "too many choices"],
  ])("does not compile %.20s..., which is %s", (pattern) => {
    expect(compilePattern(pattern)).toBeUndefined();
  });

  it.each([
    "(a+)+$",
    "^(a|a)*$",
    "(a|aa)+$",
    "(.*)*b",
    "(x+x+)+y",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a?){100}a{100}",
  ])("ends on %j, on which JavaScript's own engine would hang", (pattern) => {
    const text = `${"a".repeat(4_000)}!`;
    expect(matches(pattern, text)).toBe(pattern === "(a?){100}a{100}");
  });

  it("agrees with JavaScript's engine where both know the syntax", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\w", "\\d", "\\b", "^", "$", "()", "\\.");
    const suffix = fc.constantFrom("", "", "*", "+", "?", "*?", "{2}", "{1,3}", "{0,1}", "{2,}");
    const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
      piece: fc.oneof(
        { maxDepth: 3 },
        fc.tuple(atom, suffix).map(([one, times]) => (/^(?:\^|\$|\\b)$/.test(one) ? one : one + times)),
        fc.tuple(tie("pattern"), suffix).map(([inner, times]) => `(?:${inner})${times}`),
        fc.tuple(tie("pattern"), tie("pattern")).map(([left, right]) => `(${left}|${right})`),
      ),
      pattern: fc.array(tie("piece"), { maxLength: 4 }).map((pieces) => pieces.join("")),
    }));
    const text = fc.array(fc.constantFrom("a", "b", "1", ".", "-"), { maxLength: 8 });
    const property = fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 5 }), (source, texts) => {
      fc.pre(source.length < 60);
      const compiled = compilePattern(source);
      fc.pre(compiled !== undefined); // what is too large once it is written out
      for (const parts of texts) {
        expect(compiled?.(parts.join(""))).toBe(new RegExp(source, "u").test(parts.join("")));
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it("does something with any text for a pattern", () => {
    const words = fc.constantFrom(...Array.from("ab(){}[]|*+?.^$\\-,:<>P1imsU🚢\n"));
    const property = fc.property(fc.array(words), fc.string(), (pattern, text) => {
      expect([true, false, undefined]).toContain(matches(pattern.join(""), text));
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});
