import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRepositoryName, isTag, parseRoute } from "../../../src/testing/http/route.ts";

const D = `sha256:${"a".repeat(64)}`;

describe("parseRoute()", () => {
  it.each([
    ["/v2/", { kind: "ping" }],
    ["/v2", { kind: "ping" }],
    ["/token?service=x", { kind: "token" }],
    ["/", { kind: "other" }],
    ["/v1/search", { kind: "other" }],
    ["//", { kind: "other", path: "//" }],
    ["//[", { kind: "other" }],
    ["*", { kind: "other" }],
    ["http://[/v2/", { kind: "ping" }],
    [`http://other.example/v2/a/blobs/${D}`, { kind: "blob", repository: "a", reference: D }],
    ["/v2/a/manifests/", { kind: "other" }],
    ["/v2/a/b/manifests/v1", { kind: "manifest", repository: "a/b", reference: "v1", digest: undefined }],
    [`/v2/a/manifests/${D}`, { kind: "manifest", repository: "a", reference: D, digest: D }],
    [`/v2/a/b/c/blobs/${D}`, { kind: "blob", repository: "a/b/c", reference: D, digest: D }],
    [`/v2/a/blobs/${D.replace(":", "%3A")}`, { kind: "blob", repository: "a", reference: D }],
    ["/v2/a/blobs/%", { kind: "blob", reference: "%" }],
    ["/v2/a/blobs/uploads/", { kind: "upload", repository: "a", reference: undefined }],
    ["/v2/a/blobs/uploads", { kind: "upload", repository: "a", reference: undefined }],
    [`/v2/a/blobs/uploads/?mount=${D}&from=b`, { kind: "upload", repository: "a", digest: D }],
    [`/v2/a/blobs/uploads/id?digest=${D}`, { kind: "upload", reference: "id", digest: D }],
    ["/v2/blobs/uploads/blobs/uploads/id", { kind: "upload", repository: "blobs/uploads", reference: "id" }],
    [`/v2/a/referrers/${D}`, { kind: "referrers", repository: "a", reference: D }],
    ["/v2/tags/list/tags/list", { kind: "tags", repository: "tags/list" }],
  ])("understands %s", (target, expected) => {
    expect(parseRoute(target)).toMatchObject(expected);
  });
});

describe("parseRoute() of anything", () => {
  it("throws for no target", () => {
    const piece = fc.constantFrom(
      "/",
      "//",
      "http://",
      "[",
      ":",
      "@",
      "%",
      "?",
      "#",
      "v2",
      "*",
      " ",
      "..",
      "\u00e4",
    );
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join("")),
        (target) => void parseRoute(target),
      ),
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), (target) => void parseRoute(target)));
  });
});

describe("isRepositoryName()", () => {
  it.each(["a", "library/redis", "a.b_c__d-e---f/0", "a".repeat(255)])("accepts %s", (name) => {
    expect(isRepositoryName(name)).toBe(true);
  });
  it.each(["", "A", "a/", "/a", "a//b", "a___b", "a..b", "-a", "a".repeat(256), "a b"])(
    "refuses '%s'",
    (name) => {
      expect(isRepositoryName(name)).toBe(false);
    },
  );
});

describe("isTag()", () => {
  it.each(["latest", "_x", "V1.2-rc_3", "a".repeat(128)])("accepts %s", (tag) => {
    expect(isTag(tag)).toBe(true);
  });
  it.each(["", ".a", "-a", "a:b", "a".repeat(129), "a\n"])("refuses '%s'", (tag) => {
    expect(isTag(tag)).toBe(false);
  });
});
