import type { Platform } from "../oci/descriptor.ts";
import { compatiblePlatforms } from "./compatible-platforms.ts";
import { hostPlatform } from "./host-platform.ts";
import { normalizePlatform } from "./normalize-platform.ts";
import { parseWindowsVersion, runsWindowsContainer } from "./windows-version.ts";

/** Says which platforms are acceptable, and which of two is better. */
export interface PlatformMatcher {
  match(platform: Platform): boolean;
  /**
   * Whether `a` is strictly better than `b`: a strict weak order, so that a stable sort keeps the order of equals. Never
   * true for two that are equally good, or equally unacceptable.
   */
  less(a: Platform, b: Platform): boolean;
}

/** How good a canonical platform is, 0 being best; `undefined` if it is not acceptable. */
type Grade = (candidate: Platform) => number | undefined;

/** A feature that every Windows host has, whether it says so or not. */
const WINDOWS_IMPLIED_FEATURE = "win32k";

/** Accepts `platform` and everything that its machine runs, best first (containerd `platforms.Only`). */
export function only(platform: Platform): PlatformMatcher {
  return ordered(...compatiblePlatforms(normalizePlatform(platform)));
}

/** Accepts `platform` alone, in any spelling (containerd `platforms.OnlyStrict`). */
export function onlyStrict(platform: Platform): PlatformMatcher {
  return ordered(platform);
}

/** Accepts each of `platforms`, the first ones being better (containerd `platforms.Ordered`). */
export function ordered(...platforms: readonly Platform[]): PlatformMatcher {
  const grades = platforms.map(gradeAs);
  return byGrade((candidate) => {
    for (const [place, grade] of grades.entries()) {
      const found = grade(candidate);
      // Two steps per place: an inexact match comes after an exact one, and before the next platform.
      if (found !== undefined) return place * 2 + found;
    }
    return undefined;
  });
}

/** Accepts each of `platforms`, none better than another (containerd `platforms.Any`). */
export function anyOf(...platforms: readonly Platform[]): PlatformMatcher {
  const grades = platforms.map(gradeAs);
  return byGrade((candidate) => (grades.some((grade) => grade(candidate) !== undefined) ? 0 : undefined));
}

/** Accepts everything, in the order in which it comes (containerd `platforms.All`). */
export const allPlatforms: PlatformMatcher = { match: () => true, less: () => false };

/**
 * The platform whose images containers on `host` are made of: its own where that is Linux, otherwise Linux on the same
 * architecture, because container engines on macOS, Windows and FreeBSD run them in a virtual machine.
 */
export function containerPlatform(host: Platform = hostPlatform()): Platform {
  const { architecture, variant } = host;
  return host.os === "linux"
    ? host
    : { os: "linux", architecture, ...(variant !== undefined && { variant }) };
}

/** Accepts what containers on `host` are made of (`containerPlatform`), and then what `host` itself runs. */
export function containerMatcher(host: Platform = hostPlatform()): PlatformMatcher {
  const platforms = host.os === "linux" ? [host] : [containerPlatform(host), host];
  return ordered(...platforms.flatMap((platform) => compatiblePlatforms(normalizePlatform(platform))));
}

/** Whether and how well a candidate is `platform` (containerd `platforms.NewMatcher`). */
function gradeAs(platform: Platform): Grade {
  const wanted = normalizePlatform(platform);
  const isWindows = wanted.os === "windows";
  const features = new Set(wanted.osFeatures);
  if (isWindows) features.add(WINDOWS_IMPLIED_FEATURE);
  return (candidate) => {
    const isSame =
      candidate.os === wanted.os &&
      candidate.architecture === wanted.architecture &&
      candidate.variant === wanted.variant &&
      (candidate.osFeatures ?? []).every((feature) => features.has(feature));
    if (!isSame) return undefined;
    return isWindows ? windowsGrade(wanted.osVersion, candidate.osVersion) : 0;
  };
}

/** 0 for the host's own build, 1 for another that it runs: docker and containerd on Windows prefer the former. */
function windowsGrade(wantedVersion: string | undefined, version: string | undefined): number | undefined {
  const host = parseWindowsVersion(wantedVersion);
  if (host === undefined) return 0;
  if (version === undefined) return 1;
  const container = parseWindowsVersion(version);
  if (container === undefined || !runsWindowsContainer(host, container)) return undefined;
  return host.build === container.build ? 0 : 1;
}

function byGrade(grade: Grade): PlatformMatcher {
  return {
    match: (platform) => grade(normalizePlatform(platform)) !== undefined,
    less: (a, b) => {
      const [rankOfA, rankOfB] = [rank(a, grade), rank(b, grade)];
      if (rankOfA.group !== rankOfB.group) return rankOfA.group < rankOfB.group;
      if (rankOfA.grade !== rankOfB.grade) return rankOfA.grade < rankOfB.grade;
      return rankOfA.features > rankOfB.features;
    },
  };
}

interface Rank {
  /** 0 acceptable, 1 would be but for features that the host lacks, 2 not. */
  readonly group: 0 | 1 | 2;
  readonly grade: number;
  /** More features that the host has make a better image. */
  readonly features: number;
}

function rank(platform: Platform, grade: Grade): Rank {
  const { osFeatures = [], ...plain } = normalizePlatform(platform);
  const found = grade({ ...plain, osFeatures });
  if (found !== undefined) return { group: 0, grade: found, features: osFeatures.length };
  const withoutFeatures = grade(plain);
  if (withoutFeatures !== undefined) return { group: 1, grade: withoutFeatures, features: 0 };
  return { group: 2, grade: 0, features: 0 };
}
