import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { describe, expect, it } from "vitest";
import { tomlOutline } from "../../../src/registry/configuration/toml-outline.ts";

function words(text: string): string[] {
  return tomlOutline(text).map(({ kind, name, offset }) => `${kind} ${name} ${offset}`);
}

describe("tomlOutline()", () => {
  it("finds headers and keys in their order", () => {
    const text = 'a = 1 # [no]\n[host."https://a"] # b = 2\n  c.d = [1,\n2] \n[[x]]\n"q r" = { s = "]" }\n';
    expect(words(text)).toEqual([
      "key a 0",
      'table host."https://a" 13',
      "key c.d 42",
      "array x 56",
      'key "q r" 62',
    ]);
  });

  it.each([
    ["a string of several lines", 'a = """\n[no]\nb = 1\n"""\nc = 1\n'],
    ["a literal string of several lines", "a = '''\n[no]\n# b\n'''\nc = 1\n"],
    ["quotes at the end of such a string", 'a = """x"""""\nc = 1\n'],
    ["escapes", 'a = "\\"[no]\\\\"\nc = 1\n'],
    ["a literal string", "a = '[no]\\'\nc = 1\n"],
    ["comments in a list", "a = [ # ]\n 1, # [\n]\nc = 1\n"],
    ["nothing else", "a = 1\nc = 1"],
    ["Windows lines", "a = 1\r\nc = 1\r\n"],
  ])("passes over %s", (_, text) => {
    expect(parse(text)).toHaveProperty("c", 1);
    expect(tomlOutline(text).map(({ name }) => name)).toEqual(["a", "c"]);
  });

  it("finds every top-level key of whatever the parser's own writer writes", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), value, { maxKeys: 5 }), (document) => {
        const text = stringify(document);
        const names = tomlOutline(text).flatMap(({ name }) => Object.keys(parse(`${name} = 0`)));
        expect(names).toEqual(Object.keys(parse(text)));
      }),
    );
  });
});
