import { describe, expect, it } from "vitest";
import type { Platform } from "../../src/oci/descriptor.ts";
import { formatPlatform, formatPlatformFull } from "../../src/platform/format-platform.ts";

const WINDOWS: Platform = { os: "windows", architecture: "amd64" };

describe("formatPlatform()", () => {
  it.each<[Platform, string]>([
    [{ os: "linux", architecture: "arm", variant: "v7" }, "linux/arm/v7"],
    [{ os: "linux", architecture: "amd64", variant: "" }, "linux/amd64"],
    [{ os: "linux", architecture: "" }, "linux"],
    [{ os: "linux", architecture: "", variant: "v8" }, "linux/v8"],
    [{ os: "", architecture: "amd64" }, "unknown"],
    [{ ...WINDOWS, osVersion: "10.0.20348", osFeatures: ["win32k"] }, "windows/amd64"],
  ])("writes %j as %s", (platform, text) => {
    expect(formatPlatform(platform)).toBe(text);
  });
});

describe("formatPlatformFull()", () => {
  it.each<[Platform, string]>([
    [WINDOWS, "windows/amd64"],
    [{ ...WINDOWS, osVersion: "10.0.17763" }, "windows(10.0.17763)/amd64"],
    [
      { os: "windows", architecture: "arm64", variant: "v8", osVersion: "10.0.17763" },
      "windows(10.0.17763)/arm64/v8",
    ],
    [{ ...WINDOWS, osVersion: "1", osFeatures: ["win32k"] }, "windows(1+win32k)/amd64"],
    [{ ...WINDOWS, osFeatures: ["simd", "", "gpu"] }, "windows(+gpu+simd)/amd64"],
    [{ ...WINDOWS, osVersion: "", osFeatures: [""] }, "windows/amd64"],
    [{ ...WINDOWS, osVersion: "a+b%c(d)/e" }, "windows(a%2Bb%25c%28d%29%2Fe)/amd64"],
    [{ ...WINDOWS, osFeatures: ["f+1"] }, "windows(+f%2B1)/amd64"],
    [{ os: "", architecture: "amd64", osVersion: "1" }, "unknown"],
  ])("writes %j as %s", (platform, text) => {
    expect(formatPlatformFull(platform)).toBe(text);
  });

  it("leaves the features of its argument in their order", () => {
    const osFeatures = ["b", "a"];
    formatPlatformFull({ ...WINDOWS, osFeatures });
    expect(osFeatures).toEqual(["b", "a"]);
  });
});
