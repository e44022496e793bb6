import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { isDrayageError } from "../../src/errors/drayage-error.ts";
import { ownField, parseJsonObject } from "../../src/oci/json-object.ts";
import { bytesOf } from "./documents.ts";

const OPTIONS = { what: "thing", maxBytes: 1000, keys: ["layers", "mediaType", "Kind"] };

function parse(text: string | Uint8Array): unknown {
  return parseJsonObject(typeof text === "string" ? bytesOf(text) : text, OPTIONS);
}

describe("parseJsonObject()", () => {
  it("returns the object", () => {
    expect(parse(' {"layers":[1],"other":"Ümlaut"}\n')).toEqual({ layers: [1], other: "Ümlaut" });
  });

  it.each([
    ["an array", "[]", "wanted one object"],
    ["a string", '"x"', "wanted one object"],
    ["null", "null", "wanted one object"],
    ["nothing", "", "not valid JSON"],
    ["trailing data", "{} {}", "not valid JSON"],
    ["trailing garbage", "{}x", "not valid JSON"],
    ["a trailing NUL", "{}\0", "not valid JSON"],
    ["a trailing comma", '{"a":1,}', "not valid JSON"],
    ["a comment", "{}//", "not valid JSON"],
    ["a byte order mark", "\uFEFF{}", "byte order mark"],
    ["a malformed key", '{"\\x":1}', "malformed key"],
    ["a key twice", '{"layers":1,"layers":2}', 'got key "layers" twice'],
    ["a key twice, once escaped", '{"layers":1,"\\u006cayers":2}', 'got key "layers" twice'],
    ["a key in another case", '{"Layers":1}', 'got key "Layers", wanted "layers"'],
    ["a key in upper case", '{"MEDIATYPE":1}', 'wanted "mediaType"'],
    ["a key in lower case", '{"kind":1}', 'wanted "Kind"'],
    ["a key with a long s", '{"layer\u017F":1}', 'wanted "layers"'],
    ["a key with a Kelvin sign", '{"\u212Aind":1}', 'wanted "Kind"'],
  ])("refuses %s", (_name, text, message) => {
    expect(() => parse(text)).toThrow(ErrInvalidArgument);
    expect(() => parse(text)).toThrow(message);
  });

  it("refuses invalid UTF-8 instead of repairing it", () => {
    expect(() => parse(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow(
      "not valid UTF-8",
    );
  });

  it("refuses more bytes than allowed, and takes exactly as many", () => {
    expect(parse("{}".padEnd(1000))).toEqual({});
    expect(() => parse("{}".padEnd(1001))).toThrow("Cannot parse thing: got 1001 bytes, wanted at most 1000");
  });

  it("lets unknown keys be written twice and in any case", () => {
    expect(parse('{"x":1,"x":2,"X":3}')).toEqual({ x: 2, X: 3 });
  });

  it("accepts exactly what JSON.parse takes for an object, and throws typed errors otherwise", () => {
    const text = fc.oneof(fc.json(), fc.string(), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(text, (text) => {
        try {
          expect(parseJsonObject(bytesOf(text), { what: "thing", maxBytes: 100_000, keys: [] })).toEqual(
            JSON.parse(text.toWellFormed()),
          );
        } catch (error) {
          if (!isDrayageError(error)) throw error;
        }
      }),
    );
  });

  it("never pollutes a prototype", () => {
    const object = parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(Reflect.has({}, "polluted")).toBe(false);
  });
});

describe("ownField()", () => {
  it("returns the field, and undefined for what an object merely inherits", () => {
    expect(ownField({ a: null }, "a")).toBeNull();
    expect(ownField({}, "toString")).toBeUndefined();
    expect(ownField(JSON.parse('{"__proto__":1}'), "__proto__")).toBe(1);
  });
});
