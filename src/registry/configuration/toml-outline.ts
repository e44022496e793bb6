/** A header of a table, or a key with its value, in the order of a file. */
export interface TomlEntry {
  readonly kind: "table" | "array" | "key";
  /** As written, with quotes and dots: what stands between the brackets of a header, or before the equals sign. */
  readonly name: string;
  /** Where it begins, in UTF-16 units. */
  readonly offset: number;
}

const SPACE = /[\s\uFEFF]*(?:#[^\n]*\s*)*/y;
const KEY = /(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[\w.\- \t])+/y;
const TRIPLE = /"""(?:[^\\]|\\.)*?"{3,5}(?!")|'''.*?'{3,5}(?!')/sy;
const STRING = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y;

/**
 * Where a TOML document has its tables and keys, which its parser does not tell. For a text that the parser has accepted; of
 * any other it tells something.
 */
export function tomlOutline(text: string): readonly TomlEntry[] {
  const entries: TomlEntry[] = [];
  let offset = skip(SPACE, text, 0);
  while (offset < text.length) {
    const brackets = text.startsWith("[[", offset) ? 2 : Number(text[offset] === "[");
    const end = Math.max(skip(KEY, text, offset + brackets), offset + 1);
    const kind = (["key", "table", "array"] as const)[brackets] ?? "key";
    entries.push({ kind, name: text.slice(offset + brackets, end).trim(), offset });
    offset = skip(SPACE, text, kind === "key" ? endOfValue(text, end) : end + brackets);
  }
  return entries;
}

function skip(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : offset;
}

/** Behind the value of a key: the end of the line on which no bracket is open any more. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let offset = from;
  while (offset < text.length) {
    const character = text[offset] ?? "";
    if (character === "\n" && depth === 0) return offset;
    if ("[{".includes(character)) depth++;
    if ("]}".includes(character)) depth--;
    if (character === "#") offset = endOfLine(text, offset);
    else if (`"'`.includes(character)) offset = endOfString(text, offset);
    else offset++;
  }
  return text.length;
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end;
}

function endOfString(text: string, offset: number): number {
  const triple = skip(TRIPLE, text, offset);
  return triple > offset ? triple : Math.max(skip(STRING, text, offset), offset + 1);
}
