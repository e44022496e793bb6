import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { familiarMatch, familiarName, familiarString } from "../../src/reference/familiar.ts";
import { parseAnyReference, parseNormalizedNamed } from "../../src/reference/normalize.ts";
import { parse } from "../../src/reference/parse.ts";
import { refusal, strictReference, typedReference } from "./references.ts";

const HEX = "0123456789abcdef".repeat(4);
const SHA256 = `sha256:${HEX}`;

describe("familiarName()", () => {
  it.each([
    ["docker.io/library/redis:7", "redis"],
    [`docker.io/library/redis:7@${SHA256}`, "redis"],
    ["docker.io/team/app", "team/app"],
    ["docker.io/library/team/app", "library/team/app"],
    ["docker.io/libraryx/app", "libraryx/app"],
    ["docker.io/redis", "redis"],
    ["quay.io/library/redis", "quay.io/library/redis"],
    ["localhost:5000/x", "localhost:5000/x"],
    ["team/app", "team/app"],
    ["redis", "redis"],
  ])("shows %s as %s", (text, name) => {
    expect(familiarName(parse(text))).toBe(name);
  });

  it.each(["docker.io/example.com/x", "docker.io/localhost/x", `docker.io/library/${HEX}`])(
    "keeps %s in full, which would be read as something else",
    (text) => {
      expect(familiarName(parse(text))).toBe(text);
    },
  );
});

describe("familiarString()", () => {
  it.each([
    ["docker.io/library/redis:7", "redis:7"],
    [`docker.io/library/redis:7@${SHA256}`, `redis:7@${SHA256}`],
    [`docker.io/team/app@${SHA256}`, `team/app@${SHA256}`],
    ["quay.io/x:1", "quay.io/x:1"],
  ])("shows %s as %s", (text, familiar) => {
    expect(familiarString(parse(text))).toBe(familiar);
  });

  it("shows a digest alone as it is", () => {
    expect(familiarString(parseAnyReference(HEX))).toBe(SHA256);
  });

  it("is read as the reference it was made of", () => {
    fc.assert(
      fc.property(fc.oneof(typedReference, strictReference), (text) => {
        let full: string;
        try {
          full = parseNormalizedNamed(text).toString();
        } catch {
          return fc.pre(false);
        }
        expect(parseNormalizedNamed(familiarString(parseNormalizedNamed(text))).toString()).toBe(full);
      }),
      { numRuns: 500 },
    );
  });
});

describe("familiarMatch()", () => {
  it.each<[pattern: string, text: string, expected: boolean]>([
    ["redis", "redis:7", true],
    ["redis:7", "redis:7", true],
    ["redis:8", "redis:7", false],
    ["red*", "redis:7", true],
    ["redis:*", "redis:7", true],
    ["redis:*", "redis", false],
    ["redis:?", "redis:7", true],
    ["redis:[0-9]", "redis:7", true],
    ["redis:[^0-9]", "redis:7", false],
    ["*", "team/app", false],
    ["*/*", "team/app", true],
    ["team/*", "team/app:1", true],
    ["team/*", "team/sub/app", false],
    ["docker.io/library/redis", "redis", false],
    ["quay.io/*/app", "quay.io/team/app:1", true],
    [`redis@${SHA256}`, `redis@${SHA256}`, true],
    ["redis", `redis@${SHA256}`, true],
  ])("matches %s against %s: %s", (pattern, text, expected) => {
    expect(familiarMatch(pattern, parseNormalizedNamed(text))).toBe(expected);
  });

  it("matches a digest alone", () => {
    expect(familiarMatch("sha256:0123*", parseAnyReference(HEX))).toBe(true);
    expect(familiarMatch("sha256:9*", parseAnyReference(HEX))).toBe(false);
  });

  it("refuses a malformed pattern", () => {
    expect(refusal(() => familiarMatch("redis[", parse("redis"))).message).toBe("syntax error in pattern");
  });
});
