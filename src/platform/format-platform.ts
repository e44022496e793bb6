import type { Platform } from "../oci/descriptor.ts";

/** What stands for a platform that names no operating system. */
const UNKNOWN = "unknown";

/**
 * `os/arch/variant` without the parts that are empty, or `unknown` where the OS is (containerd `platforms.Format`).
 * `parsePlatform` reads it back.
 */
export function formatPlatform({ os, architecture, variant = "" }: Platform): string {
  if (os === "") return UNKNOWN;
  return [os, architecture, variant].filter((part) => part !== "").join("/");
}

/**
 * The same with the version and features of the OS: `windows(10.0.17763+win32k)/amd64` (containerd
 * `platforms.FormatAll`). Features are sorted; characters that would break the notation are percent-encoded.
 */
export function formatPlatformFull(platform: Platform): string {
  const { os, osVersion = "", osFeatures = [] } = platform;
  const features = osFeatures.filter((feature) => feature !== "").sort();
  const options = [osVersion, ...features].map(encodeOption).join("+");
  return formatPlatform(os === "" || options === "" ? platform : { ...platform, os: `${os}(${options})` });
}

function encodeOption(option: string): string {
  return option.replaceAll(
    /[%+()/]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
