import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CookieJar } from "../../../src/registry/v1/cookie-jar.ts";

const URL_A = "https://a.example/v1/_ping";

function jarWith(...lines: readonly string[]): CookieJar {
  const jar = new CookieJar();
  jar.learn({ url: URL_A, headers: { "set-cookie": lines } });
  return jar;
}

describe("CookieJar", () => {
  it.each<[string, readonly string[], string | undefined]>([
    ["one", ["session=abc; Path=/; HttpOnly"], "session=abc"],
    ["several", ["a=1", "b=2; Secure"], "a=1; b=2"],
    ["the newest of a name", ["a=1", "b=2", "a=3"], "b=2; a=3"],
    ["an empty one", ["a="], "a="],
    ["one in quotes", ['a="b c"', 'd="e"'], 'd="e"'],
    ["one that is over", ["a=1", "a=1; Max-Age=0"], undefined],
    ["one that was over long ago", ["a=1", "a=gone; expires=Thu, 01 Jan 1970 00:00:00 GMT"], undefined],
    ["one that was over yesterday", ["a=1", "a=2; Expires=Thu, 01 Jan 2015 00:00:00 GMT"], undefined],
    ["one whose end is nonsense", ["a=1; Expires=soon; Max-Age=later"], "a=1"],
    ["one that lasts", ["a=1; Max-Age=60; Expires=Wed, 01 Jan 2121 00:00:00 GMT"], "a=1"],
    ["nothing without a name", ["=1", "a", "", ";"], undefined],
    ["nothing that would split a header", ["a=1\r\nb: 2", "a b=1", "a=1,2;"], "a=1,2"],
    ["nothing enormous", [`a=${"x".repeat(5_000)}`], undefined],
  ])("keeps %s", (_, lines, wanted) => {
    expect(jarWith(...lines).headerFor("https://a.example/v1/images")).toBe(wanted);
  });

  it.each([
    "https://b.example/v1/_ping",
    "http://a.example/v1/_ping",
    "https://a.example:8443/v1/_ping",
    "https://sub.a.example/v1/_ping",
  ])("sends nothing to %s", (url) => {
    expect(jarWith("session=abc; Domain=example").headerFor(url)).toBeUndefined();
  });

  it("never makes more than one header line out of anything", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (lines) => {
        expect(jarWith(...lines).headerFor(URL_A) ?? "").toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  it("keeps a limited number", () => {
    const jar = jarWith(...Array.from({ length: 100 }, (_, at) => `c${at}=1`));
    expect(jar.headerFor(URL_A)?.split("; ")).toHaveLength(32);
  });

  it("keeps those of a limited number of origins", () => {
    const jar = new CookieJar();
    const urls = Array.from({ length: 100 }, (_, at) => `https://host-${at}.example/v1/_ping`);
    for (const url of urls) jar.learn({ url, headers: { "set-cookie": ["session=abc"] } });
    expect(urls.filter((url) => jar.headerFor(url) !== undefined)).toEqual(urls.slice(-16));
  });
});
