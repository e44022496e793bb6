import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactOrigin, redactUrl, withoutUserInfo } from "../../src/errors/redact-url.ts";

describe("redactUrl()", () => {
  it.each([
    ["https://registry.example/v2/", "https://registry.example/v2/"],
    ["https://user:hunter2@registry.example:5000/v2/x", "https://registry.example:5000/v2/x"],
    ["https://user@registry.example/", "https://registry.example/"],
    ["https://cdn.example/b?sig=hunter2&exp=1", "https://cdn.example/b?sig=REDACTED&exp=REDACTED"],
    ["https://cdn.example/b?a=hunter2&a=hunter3", "https://cdn.example/b?a=REDACTED"],
    ["https://cdn.example/b?hunter2", "https://cdn.example/b?REDACTED"],
    ["https://cdn.example/b?", "https://cdn.example/b"],
    ["https://cdn.example/b#hunter2", "https://cdn.example/b"],
    ["oci://user:hunter2@registry.example/x", "oci://registry.example/x"],
    ["http://[::1]:5000/v2/", "http://[::1]:5000/v2/"],
  ])("shows %s as %s", (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
    expect(redactUrl(new URL(url))).toBe(shown);
  });

  it.each(["", "registry.example/x?sig=hunter2", "https://", "//user:hunter2@host/"])(
    "shows nothing of %j, which is no URL",
    (text) => {
      expect(redactUrl(text)).toBe("<unparsable url>");
    },
  );

  it("leaves the URL it was given alone", () => {
    const url = new URL("https://user:hunter2@registry.example/?sig=hunter2");
    redactUrl(url);
    expect(url.href).toBe("https://user:hunter2@registry.example/?sig=hunter2");
  });

  it("never shows a secret from user, password, query value or fragment", () => {
    const name = fc.constantFrom("sig", "token", "X-Amz-Signature", "a b", "é");
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), fc.boolean(), fc.boolean(), (names, login, bare) => {
        const url = new URL("https://registry.example/v2/x/blobs/");
        for (const key of names) url.searchParams.append(key, "hunter2");
        if (bare) url.search += "&hunter2";
        if (login) Object.assign(url, { username: "hunter2", password: "hunter2", hash: "hunter2" });
        expect(redactUrl(url)).not.toContain("hunter2");
      }),
    );
  });
});

it("redactUrl() is bounded", () => {
  expect(redactUrl(`https://h.test/${"x".repeat(30_000)}`)).toHaveLength(1_027);
});

describe("redactOrigin()", () => {
  it.each([
    ["https://user:s3cret@h.test:5000/x?sig=1", "https://h.test:5000"],
    ["no url", "<unparsable url>"],
  ])("gives of %j %j", (url, expected) => {
    expect(redactOrigin(url)).toBe(expected);
  });
});

describe("withoutUserInfo()", () => {
  it.each([
    ["user:s3cret@host", "host"],
    ["user:s3cret@host:5000/app:v1", "host:5000/app:v1"],
    ["https://user:s3cret@host/app", "https://host/app"],
    ["//user:s3c@ret@host/app", "//host/app"],
    ["user:s3/cret@host/app@sha256:0123", "host/app@sha256:0123"],
    ["t0ken@host/app", "host/app"],
    ["host:5000/app:v1@sha256:0123", "host:5000/app:v1@sha256:0123"],
    ["app@sha512:0123", "app@sha512:0123"],
    ["app@", "app@"],
    ["app", "app"],
  ])("makes of %j %j", (text, expected) => {
    expect(withoutUserInfo(text)).toBe(expected);
  });
});
