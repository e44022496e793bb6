import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Platform } from "../../src/oci/descriptor.ts";
import {
  allPlatforms,
  anyOf,
  containerMatcher,
  only,
  onlyStrict,
  ordered,
  type PlatformMatcher,
} from "../../src/platform/matcher.ts";
import { parsePlatform } from "../../src/platform/parse-platform.ts";

const host: Platform = { os: "linux", architecture: "amd64" };

function p(text: string): Platform {
  return parsePlatform(text, { host });
}

/** The acceptable ones of `texts`, best first, as a stable sort makes it. */
function pick(matcher: PlatformMatcher, texts: readonly string[]): string[] {
  return sort(
    matcher,
    texts.filter((text) => matcher.match(p(text))),
  );
}

function sort(matcher: PlatformMatcher, texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => {
    if (matcher.less(p(a), p(b))) return -1;
    return matcher.less(p(b), p(a)) ? 1 : 0;
  });
}

const INDEX = [
  "linux/386",
  "linux/amd64",
  "linux/amd64/v3",
  "linux/arm/v5",
  "linux/arm/v7",
  "linux/arm64",
  "linux/arm64/v8.1",
  "linux/riscv64",
  "windows(10.0.20348.169)/amd64",
];

describe("only()", () => {
  it.each<[wanted: string, picked: readonly string[]]>([
    ["linux/amd64", ["linux/amd64", "linux/386"]],
    ["linux/amd64/v2", ["linux/amd64", "linux/386"]],
    ["linux/amd64/v4", ["linux/amd64/v3", "linux/amd64", "linux/386"]],
    ["linux/386", ["linux/386"]],
    ["linux/arm", ["linux/arm/v7", "linux/arm/v5"]],
    ["linux/arm/v6", ["linux/arm/v5"]],
    ["linux/arm64", ["linux/arm64", "linux/arm/v7", "linux/arm/v5"]],
    ["linux/arm64/v9", ["linux/arm64/v8.1", "linux/arm64", "linux/arm/v7", "linux/arm/v5"]],
    ["linux/arm64/v10", []],
    ["linux/riscv64", ["linux/riscv64"]],
    ["linux/s390x", []],
    ["darwin/amd64", []],
    ["windows/amd64", ["windows(10.0.20348.169)/amd64"]],
  ])("%s takes %j", (wanted, picked) => {
    expect(pick(only(p(wanted)), INDEX)).toEqual(picked);
  });

  it("does not take amd64/v2 for amd64", () => {
    expect(only(p("linux/amd64")).match(p("linux/amd64/v2"))).toBe(false);
  });

  it.each<[wanted: Platform, candidate: Platform]>([
    [p("linux/arm64"), { os: "Linux", architecture: "aarch64", variant: "v8" }],
    [p("linux/arm64/v8"), { os: "linux", architecture: "arm64" }],
    [p("linux/arm"), { os: "linux", architecture: "armhf" }],
    [p("linux/arm"), { os: "linux", architecture: "arm", variant: "7" }],
    [p("linux/arm/v6"), { os: "linux", architecture: "armel" }],
    [p("linux/amd64"), { os: "linux", architecture: "x86_64", variant: "v1" }],
    [p("darwin/arm64"), { os: "macos", architecture: "arm64" }],
  ])("takes %o in the spelling %o", (wanted, candidate) => {
    expect(only(wanted).match(candidate)).toBe(true);
    expect(onlyStrict(wanted).match(candidate)).toBe(true);
  });
});

describe("onlyStrict()", () => {
  it.each<[wanted: string, picked: readonly string[]]>([
    ["linux/amd64", ["linux/amd64"]],
    ["linux/amd64/v3", ["linux/amd64/v3"]],
    ["linux/arm", ["linux/arm/v7"]],
    ["linux/arm64", ["linux/arm64"]],
    ["linux/arm/v6", []],
  ])("%s takes %j", (wanted, picked) => {
    expect(pick(onlyStrict(p(wanted)), INDEX)).toEqual(picked);
  });
});

describe("ordered()", () => {
  it("prefers in the order given", () => {
    const matcher = ordered(p("linux/riscv64"), p("linux/386"), p("linux/amd64"));
    expect(pick(matcher, INDEX)).toEqual(["linux/riscv64", "linux/386", "linux/amd64"]);
  });

  it("takes nothing when given nothing", () => {
    expect(pick(ordered(), INDEX)).toEqual([]);
    expect(sort(ordered(), INDEX)).toEqual(INDEX);
  });

  it("sorts what is not acceptable behind everything that is, in its own order", () => {
    const sorted = sort(ordered(p("linux/riscv64")), INDEX);
    expect(sorted).toEqual(["linux/riscv64", ...INDEX.filter((text) => text !== "linux/riscv64")]);
  });
});

describe("anyOf()", () => {
  it("takes each, none before another", () => {
    const matcher = anyOf(p("linux/riscv64"), p("linux/386"));
    expect(pick(matcher, INDEX)).toEqual(["linux/386", "linux/riscv64"]);
  });

  it("sorts what it takes to the front", () => {
    expect(sort(anyOf(p("linux/riscv64"), p("linux/arm64")), INDEX).slice(0, 2)).toEqual([
      "linux/arm64",
      "linux/riscv64",
    ]);
  });

  it("does not fall back to lower variants", () => {
    expect(anyOf(p("linux/arm64")).match(p("linux/arm"))).toBe(false);
  });
});

describe("allPlatforms", () => {
  it("takes everything in the order given", () => {
    expect(pick(allPlatforms, INDEX)).toEqual(INDEX);
  });
});

describe("containerMatcher()", () => {
  it.each<[host: string, picked: readonly string[]]>([
    ["linux/amd64", ["linux/amd64", "linux/386"]],
    ["linux/arm/v7", ["linux/arm/v7", "linux/arm/v5"]],
    ["darwin/arm64", ["linux/arm64", "linux/arm/v7", "linux/arm/v5"]],
    ["freebsd/amd64", ["linux/amd64", "linux/386"]],
    ["windows(10.0.22621)/amd64", ["linux/amd64", "linux/386", "windows(10.0.20348.169)/amd64"]],
  ])("on %s takes %j", (host, picked) => {
    expect(pick(containerMatcher(p(host)), INDEX)).toEqual(picked);
  });

  it("prefers Linux where the host's own system is offered too", () => {
    expect(pick(containerMatcher(p("darwin/arm64")), ["darwin/arm64", "linux/arm64"])).toEqual([
      "linux/arm64",
      "darwin/arm64",
    ]);
  });
});

describe("features", () => {
  it.each<[wanted: string, candidate: string, match: boolean]>([
    ["linux(+gpu+simd)/amd64", "linux(+gpu)/amd64", true],
    ["linux(+gpu+simd)/amd64", "linux(+simd+gpu)/amd64", true],
    ["linux(+gpu+simd)/amd64", "linux/amd64", true],
    ["linux(+gpu)/amd64", "linux(+gpu+simd)/amd64", false],
    ["linux/amd64", "linux(+gpu)/amd64", false],
    ["linux/amd64", "linux(+win32k)/amd64", false],
    ["windows/amd64", "windows(+win32k)/amd64", true],
    ["windows/amd64", "windows(+other)/amd64", false],
  ])("of %s and %s: %s", (wanted, candidate, match) => {
    expect(only(p(wanted)).match(p(candidate))).toBe(match);
  });

  it("prefers more of them among equals", () => {
    const list = ["linux/amd64", "linux(+a)/amd64", "linux(+a+b)/amd64", "linux(+b)/amd64"];
    const expected = ["linux(+a+b)/amd64", "linux(+a)/amd64", "linux(+b)/amd64", "linux/amd64"];
    expect(pick(only(p("linux(+a+b)/amd64")), list)).toEqual(expected);
    expect(pick(anyOf(p("linux(+a+b)/amd64")), list)).toEqual(expected);
  });

  it("never prefers them to a better platform", () => {
    const list = ["linux(+a)/386", "linux/amd64"];
    expect(pick(only(p("linux(+a)/amd64")), list)).toEqual(["linux/amd64", "linux(+a)/386"]);
  });

  it("looks at the rest of a platform that lacks only them", () => {
    const list = ["linux/s390x", "linux(+x)/386", "linux(+x)/amd64", "linux/386"];
    const matcher = only(p("linux/amd64"));
    expect(sort(matcher, list)).toEqual(["linux/386", "linux(+x)/amd64", "linux(+x)/386", "linux/s390x"]);
  });
});

describe("Windows versions", () => {
  it.each<[wanted: string, candidate: string, match: boolean]>([
    ["windows/amd64", "windows(10.0.17763.1)/amd64", true],
    ["windows(10.0.17763)/amd64", "windows/amd64", true],
    ["windows(10.0.17763)/amd64", "windows(10.0.17763.4)/amd64", true],
    ["windows(10.0.17763)/amd64", "windows(10.0.20348)/amd64", false],
    ["windows(10.0.22621)/amd64", "windows(10.0.20348)/amd64", true],
    ["windows(10.0.22621)/amd64", "windows(10.0.26100)/amd64", false],
    ["windows(10.0.22621)/amd64", "windows(nonsense)/amd64", false],
    ["windows(nonsense)/amd64", "windows(10.0.26100)/amd64", true],
    ["linux(1.2.3)/amd64", "linux(4.5.6)/amd64", true],
  ])("of %s and %s: %s", (wanted, candidate, match) => {
    expect(onlyStrict(p(wanted)).match(p(candidate))).toBe(match);
  });

  it("prefers the host's own build, then the order given, then other architectures", () => {
    const list = [
      "windows(10.0.26100)/386",
      "windows(10.0.20348.1)/amd64",
      "windows/amd64",
      "windows(10.0.26100.9)/amd64",
      "windows(10.0.17763.1)/amd64",
    ];
    expect(pick(only(p("windows(10.0.26100)/amd64")), list)).toEqual([
      "windows(10.0.26100.9)/amd64",
      "windows(10.0.20348.1)/amd64",
      "windows/amd64",
      "windows(10.0.26100)/386",
    ]);
  });
});

describe("less()", () => {
  const platform: fc.Arbitrary<Platform> = fc.record(
    {
      os: fc.constantFrom("linux", "windows", "Linux", ""),
      architecture: fc.constantFrom("amd64", "x86_64", "386", "arm64", "arm"),
      variant: fc.constantFrom("", "v1", "v2", "v7", "v8", "v8.1", "v9"),
      osVersion: fc.constantFrom("10.0.20348", "10.0.26100", "10.0.17763", "x"),
      osFeatures: fc.subarray(["a", "b", "win32k"]),
    },
    { requiredKeys: ["os", "architecture"], noNullPrototype: true },
  );
  const matcher: fc.Arbitrary<PlatformMatcher> = fc.oneof(
    platform.map(only),
    platform.map(onlyStrict),
    fc.array(platform).map((platforms) => ordered(...platforms)),
    fc.array(platform).map((platforms) => anyOf(...platforms)),
    fc.constant(allPlatforms),
  );

  it("is a strict weak order that puts what matches in front", () => {
    fc.assert(
      fc.property(matcher, platform, platform, platform, ({ match, less }, a, b, c) => {
        const isEqual = (x: Platform, y: Platform): boolean => !less(x, y) && !less(y, x);
        expect(less(a, a)).toBe(false);
        expect(less(a, b) && less(b, a)).toBe(false);
        if (less(a, b) && less(b, c)) expect(less(a, c)).toBe(true);
        if (isEqual(a, b) && isEqual(b, c)) expect(isEqual(a, c)).toBe(true);
        if (match(a) && !match(b)) expect(less(a, b)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("does not depend on the spelling", () => {
    fc.assert(
      fc.property(matcher, platform, platform, ({ match, less }, a, b) => {
        const respelt = respell(a);
        expect(match(respelt)).toBe(match(a));
        expect(less(respelt, b)).toBe(less(a, b));
        expect(less(b, respelt)).toBe(less(b, a));
      }),
    );
  });
});

function respell(platform: Platform): Platform {
  return {
    ...platform,
    os: platform.os.toUpperCase(),
    architecture: platform.architecture.toUpperCase(),
    ...(platform.variant !== undefined && { variant: platform.variant.toUpperCase() }),
    ...(platform.osFeatures && { osFeatures: [...platform.osFeatures, ...platform.osFeatures].toReversed() }),
  };
}
