import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callStatus } from "../../../../src/content/grpc/server/call-status.ts";
import { plainly } from "../../../../src/content/grpc/wire/plainly.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../../../src/errors/classes.ts";

describe("callStatus()", () => {
  it("puts the words of the class behind what comes from the store, and not behind what is said plainly", () => {
    expect(callStatus(new ErrNotFound("ref a"))).toEqual({ code: 5, details: "ref a: not found" });
    expect(callStatus(plainly(new ErrInvalidArgument("no ref")))).toEqual({ code: 3, details: "no ref" });
    expect(callStatus(new Error("it broke"))).toEqual({ code: 2, details: "it broke" });
  });

  it("leaves out the middle of a long text, not the class", () => {
    const { details } = callStatus(new ErrNotFound(`ref ${"x".repeat(60_000)}`));
    expect(details.length).toBeLessThanOrEqual(4_096);
    expect(details).toMatch(/^ref x+\.\.\.x+: not found$/);
  });

  it("makes a text of anything that can be encoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), fc.nat(3_000), (text, length) => {
        const { details } = callStatus(new ErrNotFound(`${text}${"🚢".repeat(length)}\ud83d`));
        expect(details.isWellFormed()).toBe(true);
        expect(encodeURI(details).length).toBeLessThan(65_536);
      }),
    );
  });
});
