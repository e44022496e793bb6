import { ErrInvalidArgument } from "../errors/classes.ts";
import type { Platform } from "../oci/descriptor.ts";
import { isKnownArchitecture, isKnownOs } from "./go-names.ts";
import { hostPlatform } from "./host-platform.ts";
import { type Architecture, normalizeArchitecture, normalizeOs } from "./normalize-platform.ts";

/** `os`, or `os(version+feature+feature)` with the options percent-encoded. */
const OS_PART = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;
const PART = /^[A-Za-z0-9_.-]+$/;

/** Longest text that is read, in characters: no platform with its features comes near, and error messages quote it. */
const MAX_LENGTH = 255;

/** What `parsePlatform` takes the missing half from. */
export interface ParsePlatformOptions {
  /**
   * The machine for which what the text leaves out is filled in.
   * @defaultValue `hostPlatform()`
   * @example host: { os: "linux", architecture: "arm64" }
   */
  readonly host?: Platform | undefined;
}

/**
 * `os`, `arch`, `os/arch` or `os/arch/variant` as a platform (containerd `platforms.Parse`). A single word is an OS if
 * Go knows one of that name, else an architecture, and the host supplies the other half. Names come out canonical,
 * except that a variant that was written stays visible: `arm64/v8` keeps `v8`, while `arm` alone, which means v7, has
 * none. Throws `ErrInvalidArgument`.
 */
export function parsePlatform(text: string, options: ParsePlatformOptions = {}): Platform {
  if (text.length > MAX_LENGTH) {
    throw new ErrInvalidArgument(
      `Invalid platform: got ${text.length} characters, wanted at most ${MAX_LENGTH}`,
    );
  }
  if (text.includes("*")) throw invalid(text, "wildcards are not supported");
  const [first = "", second, third, ...rest] = text.split("/", 4);
  if (rest.length > 0) throw invalid(text, "got more than 3 parts, wanted os/arch/variant");
  const system = parseOs(first, text);
  for (const part of [second, third]) {
    if (part !== undefined && !PART.test(part)) throw invalid(text, `got part ${JSON.stringify(part)}`);
  }
  if (second === undefined) {
    return completePlatform(first, system, { text, host: options.host ?? hostPlatform() });
  }
  if (third === undefined) return platformOf(system, withoutImplied(normalizeArchitecture(second)));
  return platformOf(system, withWritten(normalizeArchitecture(second, third)));
}

type System = Omit<Platform, "architecture" | "variant">;

function parseOs(part: string, text: string): System {
  const [, name, version = "", options = ""] = OS_PART.exec(part) ?? [];
  if (name === undefined) throw invalid(text, `got operating system ${JSON.stringify(part)}`);
  const osVersion = decode(version, text);
  const [, ...features] = options.split("+");
  return {
    os: normalizeOs(name),
    ...(osVersion !== "" && { osVersion }),
    ...(features.length > 0 && { osFeatures: features.map((feature) => decode(feature, text)) }),
  };
}

function decode(option: string, text: string): string {
  try {
    return decodeURIComponent(option);
  } catch (error) {
    throw invalid(text, `got malformed escape in ${JSON.stringify(option)}`, error);
  }
}

function completePlatform(
  word: string,
  system: System,
  { text, host }: { text: string; host: Platform },
): Platform {
  if (isKnownOs(system.os)) {
    return platformOf(system, withoutImplied(normalizeArchitecture(host.architecture, host.variant)));
  }
  const found = normalizeArchitecture(word);
  if (!isKnownArchitecture(found.architecture)) {
    throw invalid(text, "unknown operating system or architecture");
  }
  return platformOf({ os: host.os }, withoutImplied(found));
}

function withoutImplied(found: Architecture): Architecture {
  const isImplied = found.architecture === "arm" && found.variant === "v7";
  return isImplied ? { ...found, variant: "" } : found;
}

function withWritten(found: Architecture): Architecture {
  const isErased = found.architecture === "arm64" && found.variant === "";
  return isErased ? { ...found, variant: "v8" } : found;
}

function platformOf(system: System, { architecture, variant }: Architecture): Platform {
  return { ...system, architecture, ...(variant !== "" && { variant }) };
}

function invalid(text: string, reason: string, cause?: unknown): ErrInvalidArgument {
  return new ErrInvalidArgument(`Invalid platform ${JSON.stringify(text)}: ${reason}`, { cause });
}
