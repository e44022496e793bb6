import { describe, expect, it } from "vitest";
import { parseJson, untrustedFields } from "../../../src/registry/http/parse-json.ts";

describe("parseJson()", () => {
  it("reads a text and bytes", () => {
    expect(parseJson('{"a":1}')).toEqual({ a: 1 });
    expect(parseJson(Buffer.from('["é"]'))).toEqual(["é"]);
  });

  it("gives nothing for what is no JSON, and throws nothing that could quote it", () => {
    expect(parseJson("password=hunter2")).toBeUndefined();
    expect(parseJson(new Uint8Array())).toBeUndefined();
  });
});

describe("untrustedFields()", () => {
  it("gives the fields of an object", () => {
    expect(untrustedFields<"code">({ code: 7 }).code).toBe(7);
  });

  it.each([undefined, null, 1, "text", true])("gives no fields of %j", (value) => {
    expect(untrustedFields(value)).toEqual({});
  });
});
