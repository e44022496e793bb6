import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeJson, terminalJson, terminalText } from "../../src/cli/terminal-text.ts";

const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("terminalText()", () => {
  it.each([
    ["plain text, \u00e4 and \u5c64 too", "plain text, \u00e4 and \u5c64 too"],
    ["\u001b[2J\u001b]0;title\u0007", "\\x1b[2J\\x1b]0;title\\x07"],
    ["one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"],
    ["\u009b31m", "\\x9b31m"],
    ["abc\u202ecba", "abc\\u202ecba"],
    ["a\u2028b\ufeffc\u200bd", "a\\u2028b\\ufeffc\\u200bd"],
    ["\u{e0041}", "\\u{e0041}"],
    ["half \ud83d of one", "half \\ud83d of one"],
  ])("shows %j", (text, shown) => {
    expect(terminalText(text)).toBe(shown);
  });

  it("keeps a long text to a bounded line, and says how long it was", () => {
    expect(terminalText("x".repeat(100_000))).toBe(`${"x".repeat(8_192)}... (100000 characters)`);
    expect(terminalText("\u001b".repeat(8_192)).length).toBeLessThan(8_300);
  });

  it("never lets through what a terminal obeys", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(terminalText(text)).not.toMatch(UNSAFE);
      }),
    );
  });
});

describe("terminalJson()", () => {
  it("says the same in characters that can be shown", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const json = terminalJson({ status: text });
        expect(json).not.toMatch(UNSAFE);
        expect(JSON.parse(json)).toEqual({ status: text });
      }),
    );
  });

  it("cuts long strings", () => {
    expect(terminalJson({ deep: { status: "x".repeat(100_000) } }).length).toBeLessThan(8_300);
  });
});

describe("escapeJson()", () => {
  it("keeps the end of a line", () => {
    expect(escapeJson('{"msg":"\u009b31m"}\n')).toBe('{"msg":"\\u009b31m"}\n');
  });
});
