import { describe, expect, it } from "vitest";
import { type Digest, parseDigest } from "../../src/digest/digest.ts";
import { isNameOnly, tagNameOnly, trimNamed, withDigest, withTag } from "../../src/reference/derive.ts";
import { parse } from "../../src/reference/parse.ts";
import { refusal } from "./references.ts";

const ONE = parseDigest(`sha256:${"1".repeat(64)}`);
const TWO = parseDigest(`sha256:${"2".repeat(64)}`);

describe("withTag()", () => {
  it("replaces the tag and keeps the digest", () => {
    expect(withTag(parse("host/app"), "1").toString()).toBe("host/app:1");
    expect(withTag(parse(`host/app:1@${ONE}`), "2").toString()).toBe(`host/app:2@${ONE}`);
  });

  it("leaves the reference it was given alone", () => {
    const reference = parse("app:1");
    withTag(reference, "2");
    expect(reference.toString()).toBe("app:1");
  });

  it.each(["", ":1", "-1", ".1", "a/b", "a b", "a\n", "é", "t".repeat(129)])("refuses the tag %j", (tag) => {
    expect(refusal(() => withTag(parse("app"), tag)).message).toBe("invalid tag format");
  });

  it("shows no more than the beginning of a refused tag", () => {
    const tag = "t".repeat(1_000_000);
    expect(refusal(() => withTag(parse("app"), tag)).reference).toBe(tag.slice(0, 256));
  });
});

describe("withDigest()", () => {
  it("replaces the digest and keeps the tag", () => {
    expect(withDigest(parse("app"), ONE).toString()).toBe(`app@${ONE}`);
    expect(withDigest(parse(`host/app:1@${ONE}`), TWO).toString()).toBe(`host/app:1@${TWO}`);
  });

  it.each(["", "sha256:", ONE.slice(0, -1), ONE.toUpperCase(), `md5:${"0".repeat(32)}`])(
    "refuses %j",
    (text) => {
      expect(refusal(() => withDigest(parse("app"), text as Digest)).message).toBe("invalid digest format");
    },
  );
});

describe("trimNamed()", () => {
  it("keeps the repository alone", () => {
    expect({ ...trimNamed(parse(`host:5000/app:1@${ONE}`)) }).toEqual({ domain: "host:5000", path: "app" });
    expect({ ...trimNamed(parse("app:1")) }).toEqual({ path: "app" });
  });
});

describe("isNameOnly()", () => {
  it.each([
    ["app", true],
    ["app:1", false],
    [`app@${ONE}`, false],
    [`app:1@${ONE}`, false],
  ])("says of %s: %s", (text, expected) => {
    expect(isNameOnly(parse(text))).toBe(expected);
  });
});

describe("tagNameOnly()", () => {
  it.each([
    ["app", "app:latest"],
    ["app:1", "app:1"],
    [`app@${ONE}`, `app@${ONE}`],
    [`app:1@${ONE}`, `app:1@${ONE}`],
  ])("makes %s to %s", (text, expected) => {
    expect(tagNameOnly(parse(text)).toString()).toBe(expected);
  });
});
