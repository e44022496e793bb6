import { describe, expect, it } from "vitest";
import { warningsOf } from "../../../src/registry/http/warning-header.ts";
import { fakeResponse } from "../support/fake-send.ts";

function warnings(header: string | readonly string[], secrets?: readonly string[]): readonly string[] {
  const response = fakeResponse({ url: "https://a.test/v2/" }, { headers: { warning: header } });
  return warningsOf({ ...response, secrets });
}

describe("warningsOf()", () => {
  it.each<[header: string | readonly string[], wanted: readonly string[]]>([
    ['299 - "use the new host"', ["use the new host"]],
    [
      ['299 - "one"', '299 - "two"'],
      ["one", "two"],
    ],
    ['299 - "one", 110 cache "stale", 299 - "two"', ["one", "two"]],
    ['299 - "a \\"quoted\\" word and a \\\\"', ['a "quoted" word and a \\']],
    ['299 - "gr%C3%BC%C3%9Fe"', ["grüße"]],
    ['299 - "100 % of it"', ["100 % of it"]],
    ['299 - "two\u0007 lines%0Aof it"', ["two lines of it"]],
    ['299 example.com "of somebody"', []],
    ['199 - "another code"', []],
    ['1299 - "another code"', []],
    ['299 - "without an end', []],
    ['299 - ""', []],
    ["", []],
  ])("reads %j", (header, wanted) => expect(warnings(header)).toEqual(wanted));

  it("leaves out what the request told the server", () => {
    expect(warnings('299 - "hello hunter2pass"', ["hunter2pass"])).toEqual(["hello REDACTED"]);
  });

  it("is bounded in number and length", () => {
    const many = Array.from({ length: 1_000 }, (_, at) => `299 - "${at} ${"x".repeat(1_000)}"`);
    const got = warnings(many);
    expect(got.length).toBeLessThanOrEqual(16);
    expect(got.join("").length).toBeLessThan(4_200);
    expect(warnings('299 - "'.repeat(100_000)).length).toBeLessThanOrEqual(16);
  });
});
