import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors.ts";
import { checkArgument, checkOptions } from "../../src/options/check-options.ts";
import {
  eitherOf,
  listOf,
  objectOf,
  type Rule,
  type RulesOf,
  recordOf,
  required,
  withMethods,
} from "../../src/options/rule.ts";
import {
  aBoolean,
  aFiniteNumber,
  aFunction,
  anAsyncIterable,
  aPath,
  aSignal,
  aString,
  milliseconds,
  switchOrListOf,
  wholeNumberFrom,
} from "../../src/options/rules.ts";

interface Options {
  readonly root: string;
  readonly count?: number;
  readonly net?: { readonly hosts?: Record<string, string[]>; readonly plain?: boolean | string[] };
}

const RULES: RulesOf<Options> = {
  root: required(aPath),
  count: wholeNumberFrom(0),
  net: objectOf<NonNullable<Options["net"]>>({
    hosts: recordOf(listOf(aString)),
    plain: switchOrListOf(listOf(aString)),
  }),
};

function messageFor(options: unknown): string {
  try {
    checkOptions("do it", options, RULES);
  } catch (error) {
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    return (error as Error).message;
  }
  return "";
}

describe("checkOptions()", () => {
  it.each<[string, unknown]>([
    ["what is required alone", { root: "/r" }],
    ["options that are undefined", { root: "/r", count: undefined, net: undefined }],
    ["everything", { root: "/r", count: 0, net: { hosts: { a: ["b"] }, plain: true } }],
    ["either form", { root: "/r", net: { plain: ["a"] } }],
  ])("lets %s pass", (_, options) => {
    expect(messageFor(options)).toBe("");
  });

  it.each<[string, unknown, string]>([
    ["no options", undefined, "do it: got undefined, wanted an object of options"],
    ["a list", [], "do it: got an array, wanted an object of options"],
    ["a missing option", {}, 'do it: option "root": got undefined, wanted a path'],
    ["an empty path", { root: "" }, 'do it: option "root": got an empty string, wanted a path'],
    ["null", { root: "/r", count: null }, 'do it: option "count": got null, wanted a whole number from 0'],
    ["NaN", { root: "/r", count: NaN }, 'do it: option "count": got NaN, wanted a whole number from 0'],
    [
      "an unknown name",
      { root: "/r", cuont: 1 },
      'do it: got the unknown option "cuont", wanted one of root, count, net',
    ],
    [
      "a name that belongs further in",
      { root: "/r", hosts: {} },
      'do it: got the unknown option "hosts", wanted it inside of "net"',
    ],
    [
      "an unknown name further in",
      { root: "/r", net: { x: 1 } },
      'do it: option "net": got the unknown option "x", wanted one of hosts, plain',
    ],
    [
      "an element",
      { root: "/r", net: { hosts: { a: ["b", 1] } } },
      'do it: option "net.hosts["a"][1]": got 1, wanted a string',
    ],
    [
      "neither form",
      { root: "/r", net: { plain: 1 } },
      'do it: option "net.plain": got 1, wanted true or false or an array',
    ],
    [
      "one form with a fault inside",
      { root: "/r", net: { plain: [1] } },
      'do it: option "net.plain[0]": got 1, wanted a string',
    ],
  ])("names the option for %s", (_, options, message) => {
    expect(messageFor(options)).toBe(message);
  });

  it("does not show the text of a value", () => {
    expect(messageFor({ root: "/r", count: "s3cret" })).not.toContain("s3cret");
  });

  it("quotes unknown names in one bounded line", () => {
    const message = messageFor({ root: "/r", [`\n\u001b[2J${"x".repeat(1_000)}`]: 1 });
    expect(message.length).toBeLessThan(200);
    expect(message).not.toContain("\u001b");
    expect(message.split("\n")).toHaveLength(1);
  });
});

describe("checkArgument()", () => {
  it("names the argument", () => {
    expect(() => checkArgument("pull image", "reference", undefined, aString)).toThrow(
      'pull image: argument "reference": got undefined, wanted a string',
    );
  });
});

describe("rules", () => {
  const signalOfAnotherRealm = { aborted: false, addEventListener() {} };
  it.each<[string, Rule, readonly unknown[], readonly unknown[]]>([
    ["aBoolean", aBoolean, [true, false], [0, "true", null]],
    ["aPath", aPath, ["a", "/"], ["", "a\0b", 1]],
    ["aFunction", aFunction, [() => {}], [{}, "f"]],
    ["aFiniteNumber", aFiniteNumber, [-1, 0.5], [NaN, Infinity, "1", 1n]],
    ["wholeNumberFrom", wholeNumberFrom(1), [1, 7], [0, -1, 1.5, NaN, Infinity, "1"]],
    ["milliseconds", milliseconds, [0, 0.5, 30_000], [-1, NaN, Infinity, 2 ** 31, "5"]],
    ["aSignal", aSignal, [new AbortController().signal, signalOfAnotherRealm], [{}, null, "x", () => {}]],
    ["anAsyncIterable", anAsyncIterable, [(async function* () {})()], [[], "x", null, Buffer.alloc(1)]],
    ["withMethods", withMethods("a"), [{ a() {} }, Object.create({ a() {} })], [{}, { a: 1 }, null]],
    ["eitherOf", eitherOf(aBoolean, aString), [true, ""], [1]],
  ])("%s", (_, { check }, good, bad) => {
    for (const value of good) expect(check(value, "x")).toBeUndefined();
    for (const value of bad) expect(check(value, "x")).toMatchObject({ path: "x" });
  });
});
