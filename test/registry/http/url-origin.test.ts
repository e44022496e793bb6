import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { originOfUrl } from "../../../src/registry/http/url-origin.ts";

const URLS = [
  "https://registry.example/v2/app/blobs/sha256:00?ns=a",
  "http://user:pass@127.0.0.1:5000/v2/",
  "HTTPS://Registry.Example:443/v2",
  "https://[::1]:5000/x",
  "http://host?next=http://other/path",
  "http://host#http://other/path",
  "http:\\\\host\\path://x/y",
  "http://host\\@other/path",
  " \thttp://host/path",
  "ht\ntp://host/path",
  "http:host/a://b/c",
];

function originBy(make: () => string): string {
  try {
    return make();
  } catch {
    return "none";
  }
}

describe("originOfUrl()", () => {
  it("throws for a host with a blank behind it, which a parser passes over where it is the end", () => {
    expect(() => originOfUrl("http://a /path")).toThrow(TypeError);
  });

  it.each(URLS)("is that of the platform's parser: %j", (url) => {
    for (let time = 0; time < 2; time++) expect(originOfUrl(url)).toBe(new URL(url).origin);
  });

  it("is that of the platform's parser for any text behind any beginning, and throws where that does", () => {
    const beginning = fc.constantFrom("http://", "https://", "http:/", "https:\\\\", "http:", "://", "");
    const text = fc.string({ unit: fc.constantFrom(...Array.from("ab:/\\@?#[]1.% \t\n")), maxLength: 12 });
    const property = fc.property(beginning, text, (first, rest) => {
      const url = first + rest;
      expect(originBy(() => originOfUrl(url))).toBe(originBy(() => new URL(url).origin));
    });
    fc.assert(property, { numRuns: 500 });
  });
});
