import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChallenges } from "../../../src/registry/http/challenge.ts";

/** `[scheme, { parameters }]` of each challenge. */
function parsed(header: string | readonly string[] | undefined): unknown[] {
  return parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

function basicOfLength(length: number): string {
  return `Basic realm="${"x".repeat(length - 'Basic realm=""'.length)}"`;
}

function quote(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

describe("parseChallenges()", () => {
  it.each<[header: string | string[] | undefined, challenges: unknown[]]>([
    [undefined, []],
    ["", []],
    [" , ,", []],
    ["Basic", [["basic", {}]]],
    ['Basic realm="registry"', [["basic", { realm: "registry" }]]],
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      [
        [
          "bearer",
          {
            realm: "https://auth.example/token",
            service: "registry.example",
            scope: "repository:a/b:pull,push",
          },
        ],
      ],
    ],
    [
      "Bearer realm=https://us.icr.io/oauth/token, service=registry, scope=repository:a/b:pull,push",
      [
        [
          "bearer",
          { realm: "https://us.icr.io/oauth/token", service: "registry", scope: "repository:a/b:pull,push" },
        ],
      ],
    ],
    [
      "bearer scope=repository:a/b:pull,service=zot, Basic realm=c",
      [
        ["bearer", { scope: "repository:a/b:pull", service: "zot" }],
        ["basic", { realm: "c" }],
      ],
    ],
    ["BEARER Realm=https,SERVICE=x", [["bearer", { realm: "https", service: "x" }]]],
    ['Bearer realm = "r" , service\t=\t"s"', [["bearer", { realm: "r", service: "s" }]]],
    ['Bearer realm="r" service="s"', [["bearer", { realm: "r", service: "s" }]]],
    [String.raw`Basic realm="a \"b\" \\ c\d"`, [["basic", { realm: String.raw`a "b" \ cd` }]]],
    ['Basic realm=""', [["basic", { realm: "" }]]],
    ['Basic realm="one",realm="two"', [["basic", { realm: "one" }]]],
    [
      'Bearer realm="b", Basic realm="c"',
      [
        ["bearer", { realm: "b" }],
        ["basic", { realm: "c" }],
      ],
    ],
    [
      ['Bearer realm="b"', 'Basic realm="c"'],
      [
        ["bearer", { realm: "b" }],
        ["basic", { realm: "c" }],
      ],
    ],
    [
      'Basic, Bearer realm="b"',
      [
        ["basic", {}],
        ["bearer", { realm: "b" }],
      ],
    ],
    [
      'Negotiate YWJj==, Bearer realm="b"',
      [
        ["negotiate", {}],
        ["bearer", { realm: "b" }],
      ],
    ],
    ["Negotiate YWJj=", [["negotiate", {}]]],
    [
      "Bearer realm=https://a.example/t?x=1&y=2, service=s",
      [["bearer", { realm: "https://a.example/t?x=1&y=2", service: "s" }]],
    ],
    [
      'Digest realm="d", nonce=abc, Basic realm="c"',
      [
        ["digest", { realm: "d", nonce: "abc" }],
        ["basic", { realm: "c" }],
      ],
    ],
    ['Bearer realm="r",service="unterminated', [["bearer", { realm: "r" }]]],
    ['Bearer realm="r",service=@,scope="s"', [["bearer", { realm: "r" }]]],
    ['realm="nobody\'s"', []],
    ['"quoted"', []],
    ['Bearer __proto__="x"', [["bearer", Object.fromEntries([["__proto__", "x"]])]]],
  ])("of %j", (header, challenges) => {
    expect(parsed(header)).toEqual(challenges);
  });

  it("ignores a line of more than 8 KiB and keeps the others", () => {
    expect(parseChallenges(basicOfLength(8192))).toHaveLength(1);
    expect(parsed([basicOfLength(8193), 'Bearer realm="r"'])).toEqual([["bearer", { realm: "r" }]]);
  });

  it("comes to an end when a line almost matches", () => {
    // A pattern that can match the same characters in two ways would try 2^4000 of them here.
    const endless = ["\\a", "\\\\", "a", " ", "=", "/=", ",a=", "a\t"];
    for (const opening of ["", "Bearer ", 'Bearer a="', "Bearer a=", "a"]) {
      for (const text of endless) {
        const line = `${opening}${text.repeat(4000)}\u0001`.slice(0, 8192);
        expect(parseChallenges([line, "Basic"]).at(-1)?.scheme).toBe("basic");
      }
    }
  });

  it("never throws, and gives lower-case names only, whatever the header", () => {
    const text = fc.array(
      fc.constantFrom("Bearer", "realm", "=", '"', "\\", ",", " ", "\t", "a=", "x", "é", "\0"),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          text.map((parts) => parts.join("")),
        ),
        (header) => {
          for (const { scheme, parameters } of parseChallenges(header)) {
            expect(scheme).toMatch(/^[^A-Z\s",=]+$/);
            for (const name of parameters.keys()) expect(name).toMatch(/^[^A-Z\s",=]+$/);
          }
        },
      ),
    );
  });

  it("reads back what a server wrote", () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/);
    const challenge = fc.tuple(
      token,
      fc.uniqueArray(fc.tuple(token, fc.string()), {
        minLength: 1,
        maxLength: 4,
        selector: ([name]) => name,
      }),
    );
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const header = challenges.map(
          ([scheme, parameters]) =>
            `${scheme} ${parameters.map(([name, value]) => `${name}=${quote(value)}`).join(", ")}`,
        );
        const expected = challenges.map(([scheme, parameters]) => [scheme, Object.fromEntries(parameters)]);
        expect(parsed(header)).toEqual(expected);
        expect(parsed(header.join(", "))).toEqual(expected);
      }),
    );
  });
});
