import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFilter, type Selector } from "../../../src/content/filters/parse-filter.ts";
import { ErrInvalidArgument } from "../../../src/errors/classes.ts";

function selector(path: readonly string[], operator?: "==" | "!=" | "~=", value = ""): Selector {
  return operator ? { path, condition: { operator, value } } : { path };
}

/** Quotes a text, with a number for each character. */
function quote(text: string): string {
  const numbers = Array.from(text, (part) => (part.codePointAt(0) ?? 0).toString(16).padStart(8, "0"));
  return `"${numbers.map((number) => `\\U${number}`).join("")}"`;
}

describe("parseFilter()", () => {
  it.each<[string, readonly Selector[]]>([
    ["", []],
    ["digest", [selector(["digest"])]],
    [" digest", [selector(["digest"])]],
    ["labels.a.b_9", [selector(["labels", "a", "b_9"])]],
    ['labels."a.b/c"', [selector(["labels", "a.b/c"])]],
    ["digest==sha256:abc", [selector(["digest"], "==", "sha256:abc")]],
    ["digest == abc", [selector(["digest"], "==", "abc")]],
    ["labels.x!=a/b=c.d|e", [selector(["labels", "x"], "!=", "a/b=c.d|e")]],
    ["ref~=^layer-.*", [selector(["ref"], "~=", "^layer-.*")]],
    ["ref~=/a,b c/", [selector(["ref"], "~=", "a,b c")]],
    ["ref~=|a/b|", [selector(["ref"], "~=", "a/b")]],
    ["ref~=/a\\/b/", [selector(["ref"], "~=", "a/b")]],
    ["a,b==c, d", [selector(["a"]), selector(["b"], "==", "c"), selector(["d"])]],
    ['a=="x, y"', [selector(["a"], "==", "x, y")]],
    ['a==""', [selector(["a"], "==", "")]],
    ["a==🚢é", [selector(["a"], "==", "🚢é")]],
    ["a==-1", [selector(["a"], "==", "-1")]],
    [String.raw`a=="\a\b\f\n\r\t\v\\\""`, [selector(["a"], "==", '\x07\b\f\n\r\t\v\\"')]],
    [String.raw`a=="\x41\101é\U0001F6A2"`, [selector(["a"], "==", "AAé🚢")]],
    [String.raw`a=="\xc3\xa9\303\251"`, [selector(["a"], "==", "éé")]],
  ])("reads %j", (filter, selectors) => {
    expect(parseFilter(filter)).toEqual(selectors);
  });

  it.each([
    [".*", "[ >|.|< *]: expected field or quoted"],
    ["*", "[ >|*|< ]: expected field or quoted"],
    ["a,", "[a,]: expected field or quoted"],
    ["a.", "[a.]: expected field or quoted"],
    ["a..b", "[a. >|.|< b]: expected field or quoted"],
    [" ", "[ ]: expected field or quoted"],
    ["a b", `[a  >|b|< ]: expected an operator ("=="|"!="|"~=")`],
    ["a ", `[a ]: expected an operator ("=="|"!="|"~=")`],
    ["a=b", '[a >|=|< b]: unsupported operator "="'],
    ["a===b", '[a >|=|< ==b]: unsupported operator "==="'],
    ["a~b", '[a >|~|< b]: unsupported operator "~"'],
    ["a!b", '[a >|!|< b]: unsupported operator "!"'],
    ["a==", "[a==]: expected value or quoted"],
    ["a==,b", "[a== >|,|< b]: expected value or quoted"],
    ["a==.b", "[a== >|.|< b]: expected value or quoted"],
    ["a==b c", "[a==b >| |< c]: unexpected input:  "],
    ['a=="b"c', '[a=="b" >|c|< ]: unexpected input: c'],
    ['a=="b', '[a== >|"|< b]: quoted literal not terminated'],
    ['a=="b\\', '[a== >|"|< b\\]: quoted literal not terminated'],
    ['a=="b\nc"', '[a== >|"|< b\nc"]: quoted literal not terminated'],
    ['a=="\\q"', '[a== >|"|< \\q"]: illegal escape sequence'],
    ['a=="\\xg0"', '[a== >|"|< \\xg0"]: illegal numeric escape sequence'],
    ['a=="\\18"', '[a== >|"|< \\18"]: illegal numeric escape sequence'],
    ['a=="\\777"', '[a== >|"|< \\777"]: unquoting failed: invalid syntax'],
    ['a=="\\UFFFFFFFF"', '[a== >|"|< \\UFFFFFFFF"]: unquoting failed: invalid syntax'],
    ["a==/b/", "[a== >|/|< b/]: invalid quote encountered"],
    ["labels.|b|", "[labels. >|||< b|]: invalid quote encountered"],
    ["a==🚢 🚢", "[a==🚢 >| |< 🚢]: unexpected input:  "],
    ["a==b\0", "[a==b >|\0|< ]: unexpected null"],
    ["a==b\ud800", "[a==b >|\ud800|< ]: rune error"],
  ])("refuses %j", (filter, text) => {
    expect(() => parseFilter(filter)).toThrow(ErrInvalidArgument);
    expect(() => parseFilter(filter)).toThrow(`filters: parse error: ${text}`);
  });

  it("reads back any field and value that is quoted", () => {
    const wellFormed = fc.string({ unit: "binary" }).filter((text) => text.isWellFormed());
    const property = fc.property(wellFormed, wellFormed, (field, value) => {
      expect(parseFilter(`labels.${quote(field)}==${quote(value)}`)).toEqual([
        selector(["labels", field], "==", value),
      ]);
    });
    fc.assert(property);
  });

  it("either reads any text or throws ErrInvalidArgument", () => {
    const words = fc.constantFrom(...Array.from('a9_.,"/|=!~ \\nxU\n🚢\0'), "==", "~=", "labels");
    const property = fc.property(
      fc.array(words).map((parts) => parts.join("")),
      (filter) => {
        try {
          for (const { path } of parseFilter(filter)) expect(path.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ErrInvalidArgument);
        }
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });

  it("takes time linear in the length, and refuses what is too long to repeat in a message", () => {
    expect(parseFilter(`a=="${"\\n".repeat(32_000)}"`)).toHaveLength(1);
    expect(parseFilter("a,".repeat(32_000).slice(0, -1))).toHaveLength(32_000);
    const error = ((): unknown => {
      try {
        return parseFilter("a".repeat(1_000_000));
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    expect(String(error).length).toBeLessThan(200);
  });
});
