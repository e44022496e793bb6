import { describe, expect, it } from "vitest";
import { isKnownArchitecture, isKnownOs } from "../../src/platform/go-names.ts";
import { hostPlatform } from "../../src/platform/host-platform.ts";
import { containerMatcher } from "../../src/platform/matcher.ts";
import { normalizePlatform } from "../../src/platform/normalize-platform.ts";

describe("hostPlatform()", () => {
  const host = hostPlatform();

  it("speaks Go", () => {
    expect(isKnownOs(host.os)).toBe(true);
    expect(isKnownArchitecture(host.architecture)).toBe(true);
  });

  it("is canonical and the same every time", () => {
    expect(normalizePlatform(host)).toStrictEqual(host);
    expect(hostPlatform()).toStrictEqual(host);
  });

  it("names a variant on 32-bit ARM and nowhere else", () => {
    expect(host.variant !== undefined).toBe(host.architecture === "arm");
  });

  it("names a version on Windows and nowhere else", () => {
    expect(host.osVersion !== undefined).toBe(host.os === "windows");
  });

  it("is acceptable to itself", () => {
    expect(containerMatcher().match(host)).toBe(true);
  });
});
