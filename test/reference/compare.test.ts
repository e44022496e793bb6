import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareReferences, sortReferences } from "../../src/reference/compare.ts";
import { parseAnyReference } from "../../src/reference/normalize.ts";

const SHA256 = `sha256:${"a".repeat(64)}`;

/** In order; every text in full form. */
const ORDERED = [
  `docker.io/library/b:1@${SHA256}`,
  "docker.io/library/a:1",
  "docker.io/library/a:2",
  "docker.io/library/b:0",
  `docker.io/library/a@${SHA256}`,
  "docker.io/library/a",
  "docker.io/library/z",
  SHA256,
];

describe("compareReferences()", () => {
  it("puts the most telling first", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(ORDERED, { minLength: ORDERED.length }), (texts) => {
        expect(texts.map(parseAnyReference).sort(compareReferences).map(String)).toEqual(ORDERED);
      }),
    );
  });

  it("finds a reference equal to itself", () => {
    for (const text of ORDERED) {
      expect(compareReferences(parseAnyReference(text), parseAnyReference(text))).toBe(0);
    }
  });
});

describe("sortReferences()", () => {
  it("gives full forms, and what is no reference last", () => {
    const texts = ["no reference", "No", SHA256, "a", "a:1", "a"];
    expect(sortReferences(texts)).toEqual([
      "docker.io/library/a:1",
      "docker.io/library/a",
      "docker.io/library/a",
      SHA256,
      "No",
      "no reference",
    ]);
    expect(texts[0]).toBe("no reference");
  });
});
