import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText } from "../../src/errors/plain-text.ts";

const SECRET = `s3cret/w ith+"odd"=characters&42%é`;

const hex = (char: string): string => (char.codePointAt(0) ?? 0).toString(16);

describe("plainText()", () => {
  it.each([
    ["as it is", SECRET],
    ["escaped for a URL", encodeURIComponent(SECRET)],
    ["escaped for a URL in small letters", encodeURIComponent(SECRET).toLowerCase()],
    ["escaped for a form", new URLSearchParams({ p: SECRET }).toString().slice(2)],
    ["escaped for JSON", JSON.stringify(SECRET).slice(1, -1)],
    ["escaped for JSON, with slashes", JSON.stringify(SECRET).slice(1, -1).replaceAll("/", "\\/")],
    [
      "escaped for ASCII",
      SECRET.replaceAll("é", "\\u00e9").replaceAll("&", "\\u0026").replaceAll('"', '\\"'),
    ],
    ["escaped for a URL in a URL", encodeURIComponent(encodeURIComponent(SECRET))],
    ["escaped for JSON in JSON", JSON.stringify(JSON.stringify(SECRET).slice(1, -1)).slice(1, -1)],
    [
      "escaped for a web page",
      SECRET.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("/", "&#x2F;"),
    ],
    ["escaped for a web page by numbers", SECRET.replaceAll(/\W/g, (char) => `&#${char.codePointAt(0)};`)],
    [
      "escaped for a web page in capitals",
      SECRET.replaceAll(/\W/g, (char) => `&#X0${hex(char).toUpperCase()};`),
    ],
  ])("leaves out a secret that is repeated %s", (_, spelling) => {
    expect(plainText(`before ${spelling} after`, 512, [SECRET])).toBe("before REDACTED after");
  });

  it("leaves out a long secret with whatever follows its beginning", () => {
    const secret = "x1".repeat(2_000);
    expect(plainText(`token ${secret.slice(0, 1_000)}, expired`, 512, [secret])).toBe(
      "token REDACTED, expired",
    );
  });

  it.each([
    [
      "GET /bucket/x?X-Amz-Signature=deadbeef&y=1 denied",
      "GET /bucket/x?X-Amz-Signature=REDACTED&y=REDACTED denied",
    ],
    ["https:\\/\\/s3.test\\/b?X-Amz-Signature=deadbeef", "https://s3.test/b?X-Amz-Signature=REDACTED"],
    ["see //h.test/x?deadbeefcafe", "see //h.test/x?REDACTED"],
    ["&amp;X-Amz-Security-Token=abc&amp;z", "&amp;X-Amz-Security-Token=REDACTED&amp;z"],
    ["got Basic YWE6YmI= here", "got Basic REDACTED here"],
    ["got Bearer a1 here", "got Bearer REDACTED here"],
    ['{"Authorization":["Bearer abc.def"]}', '{"Authorization":["REDACTED"]}'],
    ["Authorization: Token abc, Accept: x", "Authorization: REDACTED, Accept: x"],
    ['{"token":"abc","code":"X"}', '{"token":"REDACTED","code":"X"}'],
    ["grant_type=password&password=abc", "grant_type=password&password=REDACTED"],
    ["eyJhbGciOiJSUzI1NiJ9.e30.sig is expired", "REDACTED is expired"],
    ["no basic auth credentials", "no basic auth credentials"],
    ["bearer token required", "bearer token required"],
    ["authentication required: token expired?", "authentication required: token expired?"],
    ["manifest for app:v1@sha256:0123 unknown", "manifest for app:v1@sha256:0123 unknown"],
  ])("makes of %j %j", (text, expected) => {
    expect(plainText(text, 512)).toBe(expected);
  });

  it("shows no half of what stands at the cut", () => {
    const text = `${"word ".repeat(400)}https://h.test/x?sig=${"s".repeat(5_000)}`;
    expect(plainText(text, 512)).not.toContain("ssss");
  });

  it("is one bounded line without control characters, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 3_000 }),
        fc.string({ minLength: 3 }),
        (text, secret) => {
          const shown = plainText(text, 100, [secret]);
          expect(shown.length).toBeLessThanOrEqual(103);
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        },
      ),
    );
  });

  it.each([
    ["question marks", "?".repeat(2_000)],
    ["equals signs", "?a=".repeat(700)],
    ["schemes", "https://".repeat(250)],
    ["names", "token".repeat(400)],
    ["quotes", '"token":'.repeat(250)],
    ["words of Basic", "basic ".repeat(300)],
    ["dots of a token", `eyJaaaaaaaa${".a".repeat(900)}`],
  ])("takes little time for %s", (_, text) => {
    for (let i = 0; i < 200; i++) plainText(text, 512, ["secret".repeat(10)]);
  });
});
