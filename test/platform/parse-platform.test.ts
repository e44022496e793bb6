import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { isDrayageError } from "../../src/errors/drayage-error.ts";
import type { Platform } from "../../src/oci/descriptor.ts";
import { formatPlatformFull } from "../../src/platform/format-platform.ts";
import { hostPlatform } from "../../src/platform/host-platform.ts";
import { parsePlatform } from "../../src/platform/parse-platform.ts";

const AMD64: Platform = { os: "linux", architecture: "amd64" };
const ARMV6: Platform = { os: "linux", architecture: "arm", variant: "v6" };
const ARMV7: Platform = { os: "linux", architecture: "arm", variant: "v7" };
const MAC: Platform = { os: "darwin", architecture: "arm64" };

describe("parsePlatform()", () => {
  it.each<[text: string, host: Platform, platform: Platform]>([
    ["linux", AMD64, { os: "linux", architecture: "amd64" }],
    ["windows", AMD64, { os: "windows", architecture: "amd64" }],
    ["macOS", AMD64, { os: "darwin", architecture: "amd64" }],
    ["linux", MAC, { os: "linux", architecture: "arm64" }],
    ["linux", ARMV6, { os: "linux", architecture: "arm", variant: "v6" }],
    ["linux", ARMV7, { os: "linux", architecture: "arm" }],
    ["windows()", AMD64, { os: "windows", architecture: "amd64" }],
    ["windows(10.0.17763)", AMD64, { os: "windows", architecture: "amd64", osVersion: "10.0.17763" }],
    ["linux(+gpu)", AMD64, { os: "linux", architecture: "amd64", osFeatures: ["gpu"] }],
    ["amd64", MAC, { os: "darwin", architecture: "amd64" }],
    ["x86_64", AMD64, AMD64],
    ["x86-64", AMD64, AMD64],
    ["i386", AMD64, { os: "linux", architecture: "386" }],
    ["s390x", AMD64, { os: "linux", architecture: "s390x" }],
    ["Aarch64", AMD64, { os: "linux", architecture: "arm64" }],
    ["arm", AMD64, { os: "linux", architecture: "arm" }],
    ["armhf", AMD64, { os: "linux", architecture: "arm" }],
    ["armel", AMD64, { os: "linux", architecture: "arm", variant: "v6" }],
  ])("completes %s from the host %o", (text, host, platform) => {
    expect(parsePlatform(text, { host })).toStrictEqual(platform);
  });

  it.each<[text: string, platform: Platform]>([
    ["linux/amd64", AMD64],
    ["Linux/x86_64", AMD64],
    ["linux/amd64/v1", AMD64],
    ["linux/amd64/v3", { ...AMD64, variant: "v3" }],
    ["linux/arm", { os: "linux", architecture: "arm" }],
    ["linux/armhf", { os: "linux", architecture: "arm" }],
    ["linux/arm/v7", ARMV7],
    ["linux/arm/7", ARMV7],
    ["linux/arm/v6", ARMV6],
    ["linux/armel", ARMV6],
    ["linux/arm64", { os: "linux", architecture: "arm64" }],
    ["linux/arm64/v8", { os: "linux", architecture: "arm64", variant: "v8" }],
    ["linux/aarch64/8", { os: "linux", architecture: "arm64", variant: "v8" }],
    ["linux/arm64/v9.0", { os: "linux", architecture: "arm64", variant: "v9" }],
    ["linux/arm64/v8.2", { os: "linux", architecture: "arm64", variant: "v8.2" }],
    ["linux/i386/x", { os: "linux", architecture: "386" }],
    ["haiku/m68k/coldfire", { os: "haiku", architecture: "m68k", variant: "coldfire" }],
    ["unknown/unknown", { os: "unknown", architecture: "unknown" }],
    ["windows(10.0.20348.1)/amd64", { os: "windows", architecture: "amd64", osVersion: "10.0.20348.1" }],
    [
      "windows(10.0.1%2Bb+win32k)/arm64/v8",
      { os: "windows", architecture: "arm64", variant: "v8", osVersion: "10.0.1+b", osFeatures: ["win32k"] },
    ],
    ["linux(+b+a)/amd64", { ...AMD64, osFeatures: ["b", "a"] }],
    ["windows(50%25done)/amd64", { os: "windows", architecture: "amd64", osVersion: "50%done" }],
  ])("reads %s without looking at the host", (text, platform) => {
    expect(parsePlatform(text, { host: MAC })).toStrictEqual(platform);
  });

  it.each([
    "",
    "*",
    "linux/*",
    "*/arm64",
    "/",
    "/linux/arm",
    "linux/",
    "linux/arm/",
    "linux//v7",
    "linux /arm",
    "linux/&arm",
    "linux/arm/foo/bar",
    "linux/arm/foo/bar/baz",
    "plan10",
    "linux.x",
    "arm64(1)",
    "linux(",
    "linux)/amd64",
    "linux(a)b/amd64",
    "linux(1+)/amd64",
    "linux(%zz)/amd64",
    "linux(%ff)/amd64",
    "linux/am(d)64",
    "linux/amd64\n",
    "linux\n/amd64",
  ])("refuses %j", (text) => {
    expect(() => parsePlatform(text, { host: AMD64 })).toThrow(ErrInvalidArgument);
    expect(() => parsePlatform(text, { host: AMD64 })).toThrow(`Invalid platform ${JSON.stringify(text)}: `);
  });

  it("refuses text of more than 255 characters without quoting it", () => {
    expect(() => parsePlatform(`linux/${"a".repeat(250)}`)).toThrow(
      "Invalid platform: got 256 characters, wanted at most 255",
    );
  });

  it("completes from this host when it is given none", () => {
    const { os, architecture } = hostPlatform();
    expect(parsePlatform("linux")).toMatchObject({ os: "linux", architecture });
    expect(parsePlatform("s390x")).toEqual({ os, architecture: "s390x" });
  });

  it("reads back what it read", () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/);
    const os = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}(\([0-9.]{1,8}(\+[a-z%]?(25)?[a-z]{1,4}){0,3}\))?$/);
    const text = fc.oneof(
      fc.tuple(os, part).map((parts) => parts.join("/")),
      fc.tuple(os, part, part).map((parts) => parts.join("/")),
      fc.constantFrom("linux", "arm", "arm64", "windows(1.2.3)"),
      fc.string(),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(AMD64, ARMV6, ARMV7, MAC), (text, host) => {
        let platform: Platform;
        try {
          platform = parsePlatform(text, { host });
        } catch (error) {
          if (!isDrayageError(error)) throw error;
          return;
        }
        const osFeatures = platform.osFeatures?.toSorted();
        const sorted = osFeatures ? { ...platform, osFeatures } : platform;
        expect(parsePlatform(formatPlatformFull(platform), { host })).toStrictEqual(sorted);
      }),
    );
  });
});
