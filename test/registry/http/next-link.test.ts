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
});
