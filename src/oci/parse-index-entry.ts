import { isForeignDigest } from "../digest/digest.ts";
import type { Descriptor, Platform } from "./descriptor.ts";
import { asObject } from "./json-field.ts";
import { type JsonObject, ownField } from "./json-object.ts";
import { parseDescriptor } from "./parse-descriptor.ts";

/** What an entry gets whose platform cannot be read: it matches nothing that anybody runs. */
const NOWHERE: Platform = { os: "unknown", architecture: "unknown" };

/** Longest foreign digest that is kept, in characters. */
const MAX_FOREIGN_CHARS = 256;

/**
 * `value` as an entry of an index: a descriptor, or its digest alone where nobody here knows the algorithm. A platform that
 * cannot be read counts as one that nobody runs. Throws `ErrInvalidArgument` for everything else that is malformed.
 */
export function parseIndexEntry(value: unknown, path: string): Descriptor | string {
  const entry = asObject(value, path);
  const digest = ownField(entry, "digest");
  if (typeof digest === "string" && isForeignDigest(digest)) return digest.slice(0, MAX_FOREIGN_CHARS);
  try {
    return parseDescriptor(entry, path);
  } catch (error) {
    if (!Object.hasOwn(entry, "platform")) throw error;
    return { ...parseDescriptor(withoutPlatform(entry), path), platform: NOWHERE };
  }
}

function withoutPlatform({ platform: _platform, ...entry }: JsonObject): JsonObject {
  return entry;
}
