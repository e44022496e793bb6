import { type Digest, parseDigest } from "../digest/digest.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { messageOf } from "../errors/message-of.ts";
import { isJsonObject, type JsonObject, ownField } from "./json-object.ts";

/** Longest value quoted in an error message, in characters. */
const MAX_QUOTED = 64;

/**
 * Media types and platform names end up in request headers, log lines and on terminals: ASCII without control
 * characters, and no longer than RFC 6838 allows a type (127 + 1 + 127 characters).
 */
const TOKEN = /^[\x20-\x7e]{1,255}$/;

/** Turns the value of a field into what it should be; `path` says where it is, such as `layers[3].digest`. */
export type Read<T> = (value: unknown, path: string) => T;

/** The fields of one object, read by name. */
export interface Fields {
  /** The field read with `read`, which sees `undefined` where the field is absent. */
  required<T>(key: string, read: Read<T>): T;
  /** The same, or `undefined` where the field is absent, `null` or the empty string: Go writes one for another. */
  optional<T>(key: string, read: Read<T>): T | undefined;
}

/** Reads the fields of `object`, which is found at `path` (empty for the document itself). */
export function fieldsOf(object: JsonObject, path: string): Fields {
  const pathOf = (key: string): string => (path === "" ? key : `${path}.${key}`);
  return {
    required: (key, read) => read(ownField(object, key), pathOf(key)),
    optional: (key, read) => {
      const value = ownField(object, key);
      return value === undefined || value === null || value === "" ? undefined : read(value, pathOf(key));
    },
  };
}

/** The error of a field: its path, what it is, what it should be. */
export function invalidField(path: string, got: unknown, wanted: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`Invalid ${path}: got ${describe(got)}, wanted ${wanted}`);
}

/** `value` as an object. Throws `ErrInvalidArgument`. */
export function asObject(value: unknown, path: string): JsonObject {
  if (!isJsonObject(value)) throw invalidField(path, value, "an object");
  return value;
}

/** Reads a list of at most `max` elements, each with `read`. Throws `ErrInvalidArgument`. */
export function listOf<T>(read: Read<T>, max: number): Read<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw invalidField(path, value, "an array");
    if (value.length > max) {
      throw new ErrInvalidArgument(`Invalid ${path}: got ${value.length} elements, wanted at most ${max}`);
    }
    return value.map((element: unknown, index) => read(element, `${path}[${index}]`));
  };
}

/** `value` as a string. Throws `ErrInvalidArgument`. */
export function asString(value: unknown, path: string): string {
  if (typeof value !== "string") throw invalidField(path, value, "a string");
  return value;
}

/** `value` as 1 to 255 characters of printable ASCII. Throws `ErrInvalidArgument`. */
export function asToken(value: unknown, path: string): string {
  if (typeof value !== "string" || !TOKEN.test(value)) {
    throw invalidField(path, value, "1 to 255 characters of printable ASCII");
  }
  return value;
}

/** `value` as a digest. Throws `ErrInvalidArgument`. */
export function asDigest(value: unknown, path: string): Digest {
  const text = asString(value, path);
  try {
    return parseDigest(text);
  } catch (error) {
    const reason = messageOf(error);
    throw new ErrInvalidArgument(`Invalid ${path} ${describe(text)}: ${reason}`, { cause: error });
  }
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return "an object";
  return JSON.stringify(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED)}...` : value);
}
