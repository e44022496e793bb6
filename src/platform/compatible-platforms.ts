import type { Platform } from "../oci/descriptor.ts";
import { type Architecture, normalizeArchitecture } from "./normalize-platform.ts";

/** Oldest 32-bit ARM that newer ones run. */
const OLDEST_ARM = 5;
/** What an ARM processor that runs arm64 is to 32-bit code. */
const ARM_OF_ARM64 = "v8";
/** Armv9.0 is built on Armv8.5; from Armv9.4 on there is no newer 8.x to be built on. */
const ARM9_IS_ARM8 = 5;
/** Newest minor versions that are known to be backwards compatible, by major version of arm64. */
const NEWEST_ARM64: ReadonlyMap<number, number> = new Map([
  [8, 9],
  [9, 7],
]);

/**
 * Everything that a machine described by the canonical `platform` runs, best first and itself in front (containerd
 * `platforms.Only`): lower levels of amd64, then 386; older ARM; older arm64, then 32-bit ARM. Empty for an arm64 variant
 * that nobody knows.
 */
export function compatiblePlatforms(platform: Platform): readonly Platform[] {
  const { variant: _, ...base } = platform;
  return runnableBy(platform.architecture, platform.variant ?? "").map(({ architecture, variant }) => ({
    ...base,
    architecture,
    ...(variant !== "" && { variant }),
  }));
}

function runnableBy(architecture: string, variant: string): Architecture[] {
  const itself = { architecture, variant };
  switch (architecture) {
    case "amd64":
      return [itself, ...below(architecture, variant, 1), { architecture: "386", variant: "" }];
    case "arm":
      return [itself, ...below(architecture, variant, OLDEST_ARM)];
    case "arm64":
      return runnableByArm64(variant);
    default:
      return [itself];
  }
}

/** The versions under `variant` (one digit, which bounds the list) down to `oldest`. */
function below(architecture: string, variant: string, oldest: number): Architecture[] {
  const newest = Number(/^v?(\d)$/.exec(variant)?.[1] ?? oldest);
  const versions = Array.from({ length: Math.max(newest - oldest, 0) }, (_, index) => newest - 1 - index);
  return versions.map((version) => normalizeArchitecture(architecture, `v${version}`));
}

function runnableByArm64(variant: string): Architecture[] {
  const [, major, minor = "0"] = /^v(\d)(?:\.(\d))?$/.exec(variant === "" ? "v8" : variant) ?? [];
  const newest = NEWEST_ARM64.get(Number(major));
  if (newest === undefined || Number(minor) > newest) return [];
  const arm64 =
    major === "8"
      ? minorsDown(8, Number(minor))
      : [...minorsDown(9, Number(minor)), ...minorsDown(8, Math.min(Number(minor) + ARM9_IS_ARM8, 9))];
  return [...arm64, ...runnableBy("arm", ARM_OF_ARM64)];
}

function minorsDown(major: number, newest: number): Architecture[] {
  const minors = Array.from({ length: newest + 1 }, (_, index) => newest - index);
  return minors.map((minor) => normalizeArchitecture("arm64", `v${major}.${minor}`));
}
