import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Platform } from "../../src/oci/descriptor.ts";
import { hostPlatform } from "../../src/platform/host-platform.ts";
import { normalizePlatform } from "../../src/platform/normalize-platform.ts";

describe("normalizePlatform()", () => {
  it.each<[architecture: string, variant: string | undefined, expected: string, expectedVariant?: string]>([
    ["amd64", undefined, "amd64"],
    ["AMD64", "", "amd64"],
    ["x86_64", "v1", "amd64"],
    ["x86-64", "V1", "amd64"],
    ["amd64", "v2", "amd64", "v2"],
    ["amd64", "1", "amd64", "1"],
    ["386", undefined, "386"],
    ["i386", "v9", "386"],
    ["arm64", undefined, "arm64"],
    ["arm64", "8", "arm64"],
    ["arm64", "v8", "arm64"],
    ["AArch64", "V8.0", "arm64"],
    ["arm64", "v8.1", "arm64", "v8.1"],
    ["arm64", "9", "arm64", "v9"],
    ["arm64", "9.0", "arm64", "v9"],
    ["arm64", "v9.0", "arm64", "v9"],
    ["arm64", "v9.1", "arm64", "v9.1"],
    ["arm", undefined, "arm", "v7"],
    ["arm", "", "arm", "v7"],
    ["arm", "7", "arm", "v7"],
    ["arm", "v7", "arm", "v7"],
    ["arm", "5", "arm", "v5"],
    ["arm", "6", "arm", "v6"],
    ["arm", "8", "arm", "v8"],
    ["arm", "v6", "arm", "v6"],
    ["armhf", undefined, "arm", "v7"],
    ["armhf", "v5", "arm", "v7"],
    ["armel", undefined, "arm", "v6"],
    ["riscv64", "RVA23", "riscv64", "rva23"],
    ["ppc64le", undefined, "ppc64le"],
    ["", undefined, ""],
  ])("makes %s/%s %s/%s", (architecture, variant, expected, expectedVariant) => {
    const platform: Platform = { os: "linux", architecture, ...(variant !== undefined && { variant }) };
    expect(normalizePlatform(platform)).toStrictEqual({
      os: "linux",
      architecture: expected,
      ...(expectedVariant !== undefined && { variant: expectedVariant }),
    });
  });

  it.each([
    ["Linux", "linux"],
    ["macOS", "darwin"],
    ["Darwin", "darwin"],
    ["WINDOWS", "windows"],
    ["haiku", "haiku"],
    ["", hostPlatform().os],
  ])("makes the operating system %j %s", (os, expected) => {
    expect(normalizePlatform({ os, architecture: "amd64" }).os).toBe(expected);
  });

  it("sorts features, each once, without touching its argument", () => {
    const osFeatures = ["b", "a", "b"];
    expect(normalizePlatform({ os: "linux", architecture: "amd64", osFeatures }).osFeatures).toEqual([
      "a",
      "b",
    ]);
    expect(osFeatures).toEqual(["b", "a", "b"]);
  });

  it("keeps the version of the operating system as it is", () => {
    const platform = { os: "windows", architecture: "amd64", osVersion: "10.0.X" };
    expect(normalizePlatform(platform)).toStrictEqual(platform);
  });

  it("changes nothing the second time", () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom("arm", "armel", "ARM64", "i386", "x86_64", "v8", "8", "v9.0", "1"),
    );
    const platform = fc.record({
      os: name,
      architecture: name,
      variant: name,
      osVersion: fc.string(),
      osFeatures: fc.array(fc.string()),
    });
    fc.assert(
      fc.property(platform, (platform) => {
        const once = normalizePlatform(platform);
        expect(normalizePlatform(once)).toStrictEqual(once);
      }),
    );
  });
});
