import { describe, expect, it } from "vitest";
import { nextLink } from "../../../src/registry/http/next-link.ts";

const BASE = "https://registry.test/v2/a/tags/list?n=2";

describe("nextLink()", () => {
  it.each([
    ['</v2/a/tags/list?n=2&last=b>; rel="next"', "https://registry.test/v2/a/tags/list?n=2&last=b"],
    ["<?n=2&last=b>; rel=next", "https://registry.test/v2/a/tags/list?n=2&last=b"],
    ['<https://other.test/x>;rel="next"', "https://other.test/x"],
    ['</prev>; rel="prev", </next>; title="x"; rel="next"', "https://registry.test/next"],
    ['</first>; rel="next first"', "https://registry.test/first"],
    ['</a,b>; rel="next"', "https://registry.test/a,b"],
    ['/v2/a/tags/list?n=2&last=b; rel="next"', "https://registry.test/v2/a/tags/list?n=2&last=b"],
    ["https://other.test/x;rel=next", "https://other.test/x"],
    ['/prev; rel="prev"', undefined],
    ['</prev>; rel="prev"', undefined],
    ['</x>; rel="nextish"', undefined],
    ["</x>", undefined],
    ['<http://[>; rel="next"', undefined],
    ["", undefined],
    [undefined, undefined],
    [['</prev>; rel="prev"', '</next>; rel="next"'], "https://registry.test/next"],
  ])("finds in %j the address %j", (header, expected) => {
    expect(nextLink(header, BASE)?.href).toBe(expected);
  });

  it.each([
    ["brackets", "<".repeat(8_000)],
    ["spaces", `<x>;${" ".repeat(8_000)}`],
    ["semicolons and spaces", `<x>${"; ".repeat(4_000)}`],
  ])("reads a header of nothing but %s in linear time", (_, header) => {
    for (let i = 0; i < 1_000; i++) expect(nextLink(header, BASE)).toBeUndefined();
  });

  it("looks at no header that is too long to be one", () => {
    expect(nextLink(`<${"x".repeat(10_000)}>; rel="next"`, BASE)).toBeUndefined();
  });
});
