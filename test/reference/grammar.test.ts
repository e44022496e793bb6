import { describe, expect, it } from "vitest";
import { IDENTIFIER, REFERENCE, REPOSITORY_NAME, TAG } from "../../src/reference/grammar.ts";

const MILLION = 1_000_000;

/** Each would keep a regular expression of more than linear cost busy beyond the test's time limit. */
const HOSTILE = [
  ["letters", `${"a".repeat(MILLION)}!`],
  ["dashes", `a${"-".repeat(MILLION)}!`],
  ["dashed letters", `${"a-".repeat(MILLION)}!`],
  ["underscores", `${"a__".repeat(MILLION)}!`],
  ["labels", `${"a.".repeat(MILLION)}!`],
  ["components", `${"a/".repeat(MILLION)}!`],
  ["IPv6 colons", `[${":".repeat(MILLION)}`],
  ["port digits", `a:${"1".repeat(MILLION)}`],
  ["digest algorithm", `a@${"a.".repeat(MILLION)}`],
  ["digest digits", `a@sha256:${"a".repeat(MILLION)}!`],
] as const;

describe.each([
  ["REFERENCE", REFERENCE],
  ["REPOSITORY_NAME", REPOSITORY_NAME],
  ["TAG", TAG],
  ["IDENTIFIER", IDENTIFIER],
])("%s", (_name, expression) => {
  it.each(HOSTILE)("refuses a million %s in linear time", (_what, text) => {
    expect(expression.test(text)).toBe(false);
  });
});

describe("REFERENCE", () => {
  it("prefers to read the first component as domain", () => {
    expect(REFERENCE.exec("a/b:1")?.groups).toMatchObject({ domain: "a", path: "b", tag: "1" });
  });
});
