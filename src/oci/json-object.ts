import { ErrInvalidArgument } from "../errors/classes.ts";
import { flatShape, type KeyShape, oddKey } from "./check-keys.ts";

/** A JSON object of unknown content. Read it through `ownField`, never by property access: keys are not to be trusted. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What `parseJsonObject` needs to know. */
export interface JsonObjectOptions {
  /** What the bytes are meant to be, for error messages. */
  readonly what: string;
  /** Longer input is refused before it is looked at. */
  readonly maxBytes: number;
  /** Keys that must be spelt exactly like this, once at most in an object: at the top, or a shape of any depth. */
  readonly keys: readonly string[] | KeyShape;
}

/**
 * `bytes` as exactly one JSON object. Two readers must never see different documents in the same bytes
 * (CVE-2021-41190), so refused are: invalid UTF-8, a byte order mark, anything behind the object, and any of `keys` that
 * comes twice or in another case, because Go's decoder takes such keys for the same one. Throws `ErrInvalidArgument`.
 */
export function parseJsonObject(bytes: Uint8Array, options: JsonObjectOptions): JsonObject {
  const { what, maxBytes, keys } = options;
  if (bytes.byteLength > maxBytes) {
    throw refused(what, `got ${bytes.byteLength} bytes, wanted at most ${maxBytes}`);
  }
  const text = decodeUtf8(bytes, what);
  // Before JSON.parse, so that nesting is bounded by the time it runs.
  const odd = oddKey(text, isShape(keys) ? keys : flatShape(keys));
  const value = parseText(text, what);
  if (!isJsonObject(value)) throw refused(what, "got JSON of another kind, wanted one object");
  if (odd !== undefined) throw refused(what, odd);
  return value;
}

/** Whether `value` is an object in the sense of JSON. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The field `key` of `object`, never one that it inherits. */
export function ownField(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isShape(keys: JsonObjectOptions["keys"]): keys is KeyShape {
  return keys instanceof Map;
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw refused(what, "not valid UTF-8", error);
  }
  if (text.startsWith("\uFEFF")) throw refused(what, "starts with a byte order mark");
  return text;
}

function parseText(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refused(what, "not valid JSON", error);
  }
}

function refused(what: string, reason: string, cause?: unknown): ErrInvalidArgument {
  return new ErrInvalidArgument(`Cannot parse ${what}: ${reason}`, { cause });
}
