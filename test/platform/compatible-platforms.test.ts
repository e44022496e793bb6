import { describe, expect, it } from "vitest";
import { compatiblePlatforms } from "../../src/platform/compatible-platforms.ts";
import { formatPlatform } from "../../src/platform/format-platform.ts";
import { normalizePlatform } from "../../src/platform/normalize-platform.ts";
import { parsePlatform } from "../../src/platform/parse-platform.ts";

const ARM = ["linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"];

/** `linux/arm64/v<major>.<newest>` and all below. */
function arm64(major: number, newest: number): string[] {
  const minors = Array.from({ length: newest }, (_, index) => `linux/arm64/v${major}.${newest - index}`);
  return [...minors, major === 8 ? "linux/arm64" : `linux/arm64/v${major}`];
}

describe("compatiblePlatforms()", () => {
  it.each<[text: string, runs: readonly string[]]>([
    ["linux/amd64", ["linux/amd64", "linux/386"]],
    ["linux/amd64/v2", ["linux/amd64/v2", "linux/amd64", "linux/386"]],
    ["linux/amd64/v4", ["linux/amd64/v4", "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"]],
    ["linux/amd64/unknown", ["linux/amd64/unknown", "linux/386"]],
    ["linux/amd64/v999999999", ["linux/amd64/v999999999", "linux/386"]],
    ["linux/386", ["linux/386"]],
    ["linux/arm", ARM.slice(1)],
    ["linux/arm/v8", ARM],
    ["linux/arm/v6", ARM.slice(2)],
    ["linux/arm/v5", ARM.slice(3)],
    ["linux/arm/v4", ["linux/arm/v4"]],
    ["linux/arm64", [...arm64(8, 0), ...ARM]],
    ["linux/arm64/v8.2", [...arm64(8, 2), ...ARM]],
    ["linux/arm64/v8.9", [...arm64(8, 9), ...ARM]],
    ["linux/arm64/v9", [...arm64(9, 0), ...arm64(8, 5), ...ARM]],
    ["linux/arm64/v9.2", [...arm64(9, 2), ...arm64(8, 7), ...ARM]],
    ["linux/arm64/v9.4", [...arm64(9, 4), ...arm64(8, 9), ...ARM]],
    ["linux/arm64/v9.7", [...arm64(9, 7), ...arm64(8, 9), ...ARM]],
    ["linux/arm64/v9.8", []],
    ["linux/arm64/v8.10", []],
    ["linux/arm64/v7", []],
    ["linux/arm64/v10", []],
    ["linux/arm64/foo", []],
    ["linux/riscv64", ["linux/riscv64"]],
    ["linux/riscv64/rva23", ["linux/riscv64/rva23"]],
    ["windows/amd64", ["windows/amd64", "windows/386"]],
  ])("of %s are %j", (text, runs) => {
    expect(compatiblePlatforms(normalizePlatform(parsePlatform(text))).map(formatPlatform)).toEqual(runs);
  });

  it("hands version and features of the OS on to each", () => {
    const system = { os: "windows", osVersion: "10.0.1", osFeatures: ["win32k"] };
    expect(compatiblePlatforms({ ...system, architecture: "amd64", variant: "v2" })).toStrictEqual([
      { ...system, architecture: "amd64", variant: "v2" },
      { ...system, architecture: "amd64" },
      { ...system, architecture: "386" },
    ]);
  });
});
