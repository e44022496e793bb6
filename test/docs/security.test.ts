import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeSpans, readDocument, readDocuments, TOP } from "./support/documents.ts";

const page = readDocument("docs/security.md");

/** What a row says where nothing of ours could stop the stranger, or where there is nothing to test. */
const BY_DESIGN = "none, by design";

const rows = page.text.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| what "));

describe("docs/security.md", () => {
  it("names tests that are there", () => {
    const tests = codeSpans(page).filter(({ text }) => text.startsWith("test/"));
    expect(tests.length).toBeGreaterThan(30);
    expect(tests.filter(({ text }) => !existsSync(join(TOP, text)))).toEqual([]);
  });

  it("shows each threat by a test, or says that there is none", () => {
    const without = rows.filter((row) => !/`test\/[^`]+\.test\.ts`/.test(row) && !row.includes(BY_DESIGN));
    expect(rows.length).toBeGreaterThan(30);
    expect(without).toEqual([]);
  });
});

describe("docs/decisions", () => {
  it("have a number of their own each", () => {
    const numbers = readDocuments()
      .filter(({ path }) => path.startsWith("docs/decisions/"))
      .map(({ path }) => path.split("/")[2]?.slice(0, 4));
    expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
  });
});
