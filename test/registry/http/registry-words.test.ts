import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_WORDS_CHARS, registryWords } from "../../../src/registry/http/registry-words.ts";

describe("registryWords()", () => {
  it.each([
    ["  plain words ", "plain words"],
    ["two\nlines\tand \u001B[31mcolour\u202E", "two lines and [31mcolour"],
    [
      "see https://u:p@h.test/x?X-Amz-Signature=abc&y=1.",
      "see https://h.test/x?X-Amz-Signature=REDACTED&y=REDACTED",
    ],
    ["got Bearer abcdefghijklmnop.qrst", "got Bearer REDACTED"],
    ["got basic dXNlcjpwYXNzd29yZA==", "got basic REDACTED"],
    ["bearer token required", "bearer token required"],
  ])("makes of %j %j", (text, expected) => {
    expect(registryWords(text)).toBe(expected);
  });

  it("is always one short line without control characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (text) => {
        const words = registryWords(text);
        expect(words.length).toBeLessThanOrEqual(MAX_WORDS_CHARS + 3);
        expect(words).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
