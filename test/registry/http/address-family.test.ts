import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressFamily } from "../../../src/registry/http/address-family.ts";

describe("addressFamily()", () => {
  it.each([
    "",
    ":",
    "::",
    "::1",
    "1::",
    "fe80::1%eth0",
    "::ffff:127.0.0.1",
    "127.0.0.1",
    "127.0.0.1:80",
    "a:b:c",
    "[::1]",
  ])("says of %j what Node.js says", (text) => {
    expect(addressFamily(text)).toBe(isIP(text));
  });

  it("says of anything what Node.js says", () => {
    const texts = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.domain(),
      fc.string(),
      fc.stringMatching(/^[0-9a-f:.%]{0,40}$/),
    );
    fc.assert(fc.property(texts, (text) => addressFamily(text) === isIP(text)));
  });
});
