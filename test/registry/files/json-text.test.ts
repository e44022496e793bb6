import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonText } from "../../../src/registry/files/json-text.ts";

function jsonText(text: string): JsonText {
  return new JsonText({ action: "Read file", name: "/etc/some.json", text });
}

function messageOf(work: () => unknown): string {
  try {
    return `no error: ${JSON.stringify(work())}`;
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    return (error as Error).message;
  }
}

describe("JsonText.parse()", () => {
  it.each<[text: string, where: string]>([
    ["", "line 1, column 1"],
    ["{", "line 1, column 2"],
    ['{"a": s3cret}', "line 1, column 7"],
    ['{\n  "a": 1,\n}', "line 3, column 1"],
    ['{\n\t"a" 1}', "line 2, column 6"],
    ['["s3cret', "line 1, column 2"],
    ["// s3cret\n{}", "line 1, column 1"],
    ['{"a": 1} s3cret', "line 1, column 10"],
  ])("tells where %j stops to be JSON", (text, where) => {
    expect(messageOf(() => jsonText(text).parse())).toBe(`Read file "/etc/some.json", ${where}: not JSON`);
  });

  it("names a position inside the text for whatever is no JSON, and never its content", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom("", "}", "s3cret", '"'), (json, seed, change) => {
        const at = seed % (json.length + 1);
        const text = json.slice(0, at) + change + json.slice(at + 1);
        const message = messageOf(() => jsonText(text).parse());
        if (message.startsWith("no error")) return;
        expect(message).toMatch(/^Read file "\/etc\/some\.json", line \d+, column \d+: not JSON$/);
      }),
    );
  });

  it("says that a text of a hundred thousand brackets is none, without a position", () => {
    expect(messageOf(() => jsonText("[".repeat(100_000)).parse())).toMatch(/: not JSON$/);
  });
});

describe("JsonText.invalid()", () => {
  it.each<[at: (string | number)[], where: string]>([
    [[], "line 1, column 1"],
    [["a"], "line 2, column 8"],
    [["a", 1], "line 2, column 12"],
    [["b", "c.d"], "line 3, column 16"],
  ])("names the place of %j", (at, where) => {
    const text = '{\n  "a": [1, 2],\n  "b": {"c.d": null}\n}';
    expect(jsonText(text).invalid(at, "no good").message).toBe(
      `Read file "/etc/some.json", ${where}: no good`,
    );
  });
});

describe("JsonText.with()", () => {
  it("changes one value and leaves all others as they are written", () => {
    const text = '{\n  "big": 12345678901234567890,\n  "auths": { "a" : {} }\n}\n';
    const more = jsonText(text).with(["auths", "b"], { auth: "x" });
    expect(more).toContain('"big": 12345678901234567890,\n');
    expect(JSON.parse(more).auths).toEqual({ a: {}, b: { auth: "x" } });
    const less = jsonText(more).with(["auths", "a"], undefined);
    expect(less).toContain('"big": 12345678901234567890,\n');
    expect(JSON.parse(less).auths).toEqual({ b: { auth: "x" } });
  });

  it("makes the objects above", () => {
    expect(JSON.parse(jsonText("{}").with(["auths", "a"], {}))).toEqual({ auths: { a: {} } });
  });
});
