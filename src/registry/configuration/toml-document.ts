import { flawAt, positionOf, type TextSource } from "../files/text-source.ts";
import type { ConfigurationDocument, KeyPath } from "./configuration-table.ts";
import { tomlOutline } from "./toml-outline.ts";

/** Deepest nesting of values that is read; what tools write has three levels. */
const MAX_TOML_DEPTH = 32;

/** A table or a key, with the keys that lead to it. */
export interface TomlPlace {
  readonly keys: KeyPath;
  readonly offset: number;
  /** Whether it is a header of a table. */
  readonly isHeader: boolean;
}

/** A TOML document that knows where it has its tables and keys. */
export interface TomlDocument extends ConfigurationDocument {
  /** The headers and keys of the document, in its order. */
  readonly places: readonly TomlPlace[];
}

/**
 * Reads TOML. The parser is loaded with the first document, because most pulls need none. Throws `ErrInvalidArgument` with file,
 * line and column.
 */
export async function parseToml(source: TextSource): Promise<TomlDocument> {
  const { parse, TomlError } = await import("smol-toml");
  const { text, name } = source;
  const read = (toml: string): Record<string, unknown> => parse(toml, { maxDepth: MAX_TOML_DEPTH });
  let root: unknown;
  try {
    root = read(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    // The lines below the first one quote the file.
    const [problem = ""] = cause.message.replace("Invalid TOML document: ", "").split("\n", 1);
    throw flawAt(source, offsetAt(text, cause), problem);
  }
  const places = placed(text, read);
  const offsetOf = (keys: KeyPath): number => closest(places, keys)?.offset ?? 0;
  return {
    root,
    places,
    placeOf: (keys) => [name, ...positionOf(text, offsetOf(keys))].join(":"),
    invalid: (keys, reason) => flawAt(source, offsetOf(keys), reason),
  };
}

function offsetAt(
  text: string,
  { line, column }: { readonly line: number; readonly column: number },
): number {
  const before = text.split("\n").slice(0, line - 1);
  return before.reduce((sum, { length }) => sum + length + 1, 0) + column - 1;
}

/** The place of `keys`, or of what is closest around it. */
function closest(places: readonly TomlPlace[], keys: KeyPath): TomlPlace | undefined {
  const around = places.filter((place) => place.keys.every((key, at) => keys[at] === key));
  const depth = Math.max(0, ...around.map((place) => place.keys.length));
  return around.find((place) => place.keys.length === depth);
}

/** The outline with keys for names, and places in their lists for tables of arrays. */
function placed(text: string, read: (toml: string) => Record<string, unknown>): readonly TomlPlace[] {
  const lengths = new Map<string, number>();
  let table: KeyPath = [];
  return tomlOutline(text).map(({ kind, name, offset }) => {
    const keys = keysOf(read(`${name} = 0`));
    if (kind === "key") return { keys: [...table, ...keys], offset, isHeader: false };
    if (kind === "array") {
      const list = JSON.stringify(inLists(keys.slice(0, -1), lengths).concat(keys.slice(-1)));
      lengths.set(list, (lengths.get(list) ?? 0) + 1);
    }
    table = inLists(keys, lengths);
    return { keys: table, offset, isHeader: true };
  });
}

function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
}

/** `keys`, with the newest place behind each that names a list of tables. */
function inLists(keys: readonly string[], lengths: ReadonlyMap<string, number>): (string | number)[] {
  const path: (string | number)[] = [];
  for (const key of keys) {
    path.push(key);
    const length = lengths.get(JSON.stringify(path));
    if (length !== undefined) path.push(length - 1);
  }
  return path;
}
