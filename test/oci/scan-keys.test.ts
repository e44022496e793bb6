import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { MAX_NESTING, scanKeys } from "../../src/oci/scan-keys.ts";

const whitespace = fc.string({ unit: fc.constantFrom(" ", "\t", "\r", "\n"), maxLength: 3 });

/** A key as an author may write it: any character may be escaped by number. */
const key = fc
  .array(fc.tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), fc.boolean()), { maxLength: 6 })
  .map((units) => {
    const text = units.map(([unit]) => unit).join("");
    const written = units.map(([unit, isEscaped]) =>
      isEscaped ? escapeAll(unit) : JSON.stringify(unit).slice(1, -1),
    );
    return { text, literal: `"${written.join("")}"` };
  });

function escapeAll(text: string): string {
  return [...Array(text.length).keys()]
    .map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`)
    .join("");
}

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

/** The keys of the outermost object, in order and with repetitions. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  const around: string[] = [];
  scanKeys(text, {
    open: (kind) => around.push(kind),
    key: (name) => {
      if (around.length === 1 && around[0] === "object") keys.push(name);
    },
    close: () => around.pop(),
  });
  return keys;
}

describe("scanKeys()", () => {
  it.each<[text: string, keys: string[]]>([
    ["{}", []],
    [' { "a" : 1 , "b":[{"c":"d"}]}', ["a", "b"]],
    ['{"a":1,"a":2}', ["a", "a"]],
    ['{"a":"b","c":"\\"d\\":"}', ["a", "c"]],
    ['{"a":{"inner":{"deeper":1}},"z":0}', ["a", "z"]],
    ['{"\\u006danifests":[]}', ["manifests"]],
    ['{"a\\\\":1,"b":"\\\\","c":"\\\\\\""}', ["a\\", "b", "c"]],
    ['{"__proto__":1,"":2}', ["__proto__", ""]],
    ['["a","b",{"c":1}]', []],
    ['"a"', []],
    ["null", []],
  ])("of %s are %j", (text, keys) => {
    expect(topLevelKeys(text)).toEqual(keys);
  });

  it("agrees with JSON.parse on any object", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
        fc.nat(4),
        (object, indent) => {
          const text = JSON.stringify(object, undefined, indent);
          expect(new Set(topLevelKeys(text))).toEqual(new Set(Object.keys(JSON.parse(text) as object)));
        },
      ),
    );
  });

  it("lists every key in order with its repetitions, however it is written", () => {
    const member = fc.record({ key, value: fc.jsonValue(), space: whitespace });
    fc.assert(
      fc.property(fc.array(member), (members) => {
        const text = `{${members.map((m) => `${m.space}${m.key.literal}${m.space}:${JSON.stringify(m.value)}`).join(",")}}`;
        const keys = topLevelKeys(text);
        expect(keys).toEqual(members.map((m) => m.key.text));
        expect(new Set(keys)).toEqual(new Set(Object.keys(JSON.parse(text) as object)));
      }),
    );
  });

  it("finds no keys in an array", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (array) => {
        expect(topLevelKeys(JSON.stringify(array))).toEqual([]);
      }),
    );
  });

  it("returns or throws a typed error for text that is no JSON", () => {
    const soup = fc.string({ unit: fc.constantFrom("{", "}", "[", "]", '"', "\\", ":", ",", "u", "1", " ") });
    fc.assert(
      fc.property(soup, (text) => {
        try {
          expect(topLevelKeys(text)).toBeInstanceOf(Array);
        } catch (error) {
          expect(error).toBeInstanceOf(ErrInvalidArgument);
        }
      }),
    );
  });

  it("reads up to MAX_NESTING levels and refuses one more", () => {
    expect(topLevelKeys(nested(MAX_NESTING))).toEqual([]);
    expect(() => topLevelKeys(nested(MAX_NESTING + 1))).toThrow(ErrInvalidArgument);
  });

  it("does not count brackets inside strings as nesting", () => {
    expect(topLevelKeys(`{"a":"${"[".repeat(1000)}"}`)).toEqual(["a"]);
  });
});
