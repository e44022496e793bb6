import { describe, expect, it } from "vitest";
import {
  parseWindowsVersion,
  runsWindowsContainer,
  type WindowsVersion,
} from "../../src/platform/windows-version.ts";

function version(build: number): WindowsVersion {
  return { major: 10, minor: 0, build };
}

describe("parseWindowsVersion()", () => {
  it.each([
    ["10.0.17763", { major: 10, minor: 0, build: 17_763 }],
    ["10.0.20348.169", { major: 10, minor: 0, build: 20_348 }],
    ["6.1.7601.x.y", { major: 6, minor: 1, build: 7601 }],
  ])("reads %s", (text, version) => {
    expect(parseWindowsVersion(text)).toEqual(version);
  });

  it.each([
    undefined,
    "",
    "10",
    "10.0",
    "10.0.",
    "10.0.x",
    "10.0.17763x",
    "a.b.c",
    "-1.0.1",
    "10.0.123456",
    " 10.0.1",
  ])("finds no version in %j", (text) => {
    expect(parseWindowsVersion(text)).toBeUndefined();
  });
});

describe("runsWindowsContainer()", () => {
  const LTSC2016 = 14_393;
  const LTSC2019 = 17_763;
  const LTSC2022 = 20_348;
  const WINDOWS_11_22H2 = 22_621;
  const LTSC2025 = 26_100;

  it.each<[host: number, container: number, runs: boolean]>([
    [LTSC2016, LTSC2016, true],
    [LTSC2019, LTSC2019, true],
    [LTSC2019, LTSC2016, false],
    [LTSC2019, LTSC2022, false],
    [LTSC2019, LTSC2019 + 1, false],
    [LTSC2022 - 1, LTSC2022 - 1, true],
    [LTSC2022, LTSC2022, true],
    [LTSC2022, LTSC2019, false],
    [LTSC2022, LTSC2022 - 1, false],
    [LTSC2022, LTSC2022 + 1, false],
    [WINDOWS_11_22H2, LTSC2022, true],
    [WINDOWS_11_22H2, WINDOWS_11_22H2, true],
    [WINDOWS_11_22H2, WINDOWS_11_22H2 + 1, false],
    [WINDOWS_11_22H2, LTSC2019, false],
    [LTSC2025, LTSC2022, true],
    [LTSC2025, WINDOWS_11_22H2, true],
    [LTSC2025, LTSC2025, true],
    [LTSC2025, LTSC2019, false],
    [LTSC2025 + 1, LTSC2025, true],
    [LTSC2025 + 1, LTSC2025 - 1, false],
    [LTSC2025 + 1, LTSC2022, false],
  ])("of host build %i and container build %i: %s", (host, container, runs) => {
    expect(runsWindowsContainer(version(host), version(container))).toBe(runs);
  });

  it("wants the same major and minor version", () => {
    const host = { major: 10, minor: 0, build: LTSC2022 };
    expect(runsWindowsContainer(host, { ...host, major: 11 })).toBe(false);
    expect(runsWindowsContainer(host, { ...host, minor: 1 })).toBe(false);
  });
});
