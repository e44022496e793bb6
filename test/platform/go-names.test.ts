import { describe, expect, it } from "vitest";
import { goArchitecture, goOs, isKnownArchitecture, isKnownOs } from "../../src/platform/go-names.ts";

describe("goOs()", () => {
  it.each([
    ["linux", "linux"],
    ["darwin", "darwin"],
    ["win32", "windows"],
    ["cygwin", "windows"],
    ["sunos", "solaris"],
    ["freebsd", "freebsd"],
    ["aix", "aix"],
    ["android", "android"],
  ])("calls Node's %s %s, which Go knows", (node, go) => {
    expect(goOs(node)).toBe(go);
    expect(isKnownOs(go)).toBe(true);
  });
});

describe("goArchitecture()", () => {
  it.each([
    ["x64", "LE", "amd64"],
    ["ia32", "LE", "386"],
    ["arm", "LE", "arm"],
    ["arm64", "LE", "arm64"],
    ["ppc64", "LE", "ppc64le"],
    ["ppc64", "BE", "ppc64"],
    ["s390x", "BE", "s390x"],
    ["riscv64", "LE", "riscv64"],
    ["loong64", "LE", "loong64"],
    ["mips", "BE", "mips"],
    ["mipsel", "LE", "mipsle"],
  ] as const)("calls Node's %s (%s) %s, which Go knows", (node, endianness, go) => {
    expect(goArchitecture(node, endianness)).toBe(go);
    expect(isKnownArchitecture(go)).toBe(true);
  });
});

describe("isKnownOs()", () => {
  it.each(["", "Linux", "macos", "amd64", "win32", "constructor"])("does not know %j", (name) => {
    expect(isKnownOs(name)).toBe(false);
  });
});

describe("isKnownArchitecture()", () => {
  it.each(["", "AMD64", "x64", "aarch64", "linux", "toString"])("does not know %j", (name) => {
    expect(isKnownArchitecture(name)).toBe(false);
  });
});
