import { readFileSync } from "node:fs";
import { endianness, machine, release } from "node:os";
import type { Platform } from "../oci/descriptor.ts";
import { armVariant } from "./arm-variant.ts";
import { goArchitecture, goOs } from "./go-names.ts";
import { normalizePlatform } from "./normalize-platform.ts";

/**
 * What this process runs on, in canonical form: Go's names, the variant of a 32-bit ARM processor, the version of
 * Windows. As in containerd, an amd64 host has no variant: images built for a micro-architecture level
 * are taken when `amd64/v2` or higher is asked for (moby looks at the processor and prefers the highest level).
 */
export function hostPlatform(): Platform {
  const os = goOs(process.platform);
  const architecture = goArchitecture(process.arch, endianness());
  const variant = architecture === "arm" ? armVariant(readCpuinfo(os), machine()) : undefined;
  return normalizePlatform({
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    ...(os === "windows" && { osVersion: release() }),
  });
}

function readCpuinfo(os: string): string {
  if (os !== "linux") return "";
  try {
    return readFileSync("/proc/cpuinfo", "latin1");
  } catch {
    // No /proc, as in some sandboxes: the machine name has to do.
    return "";
  }
}
