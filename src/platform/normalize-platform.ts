import type { Platform } from "../oci/descriptor.ts";
import { goOs } from "./go-names.ts";

const ARCHITECTURE_ALIASES: ReadonlyMap<string, string> = new Map([
  ["aarch64", "arm64"],
  ["i386", "386"],
  ["x86-64", "amd64"],
  ["x86_64", "amd64"],
]);

/** Architecture names that stand for one variant, whatever variant comes with them. */
const FIXED_ARM: ReadonlyMap<string, string> = new Map([
  ["armel", "v6"],
  ["armhf", "v7"],
]);

/** Variants that have a canonical spelling, by architecture; the empty one is the baseline. */
const VARIANTS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ["amd64", new Map([["v1", ""]])],
  [
    "arm",
    new Map([
      ["", "v7"],
      ["5", "v5"],
      ["6", "v6"],
      ["7", "v7"],
      ["8", "v8"],
    ]),
  ],
  [
    "arm64",
    new Map([
      ["8", ""],
      ["v8", ""],
      ["v8.0", ""],
      ["9", "v9"],
      ["9.0", "v9"],
      ["v9.0", "v9"],
    ]),
  ],
]);

/** An architecture with its variant; the empty variant is the architecture's baseline. */
export interface Architecture {
  readonly architecture: string;
  readonly variant: string;
}

/**
 * The canonical form of `platform` (containerd `platforms.Normalize`): lower case, one name per thing, no variant where
 * it is the baseline, features sorted and each once. An empty OS is the host's. `osVersion` stays as it is.
 */
export function normalizePlatform(platform: Platform): Platform {
  const { architecture, variant } = normalizeArchitecture(platform.architecture, platform.variant);
  const osFeatures = [...new Set(platform.osFeatures)].sort();
  return {
    os: normalizeOs(platform.os),
    architecture,
    ...(variant !== "" && { variant }),
    ...(platform.osVersion && { osVersion: platform.osVersion }),
    ...(osFeatures.length > 0 && { osFeatures }),
  };
}

/** The canonical name of an operating system; the host's for the empty string. */
export function normalizeOs(os: string): string {
  if (os === "") return goOs(process.platform);
  const name = os.toLowerCase();
  return name === "macos" ? "darwin" : name;
}

/** The canonical name of an architecture and its variant. */
export function normalizeArchitecture(name: string, variantName = ""): Architecture {
  const lower = name.toLowerCase();
  const fixed = FIXED_ARM.get(lower);
  if (fixed !== undefined) return { architecture: "arm", variant: fixed };
  const architecture = ARCHITECTURE_ALIASES.get(lower) ?? lower;
  const variant = lower === "i386" ? "" : variantName.toLowerCase();
  return { architecture, variant: VARIANTS.get(architecture)?.get(variant) ?? variant };
}
