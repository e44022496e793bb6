/**
 * Longest text that is shown in one piece, in characters: room for the longest name (4,096) with a digest, which programs
 * read, or for the words of several registries, and not for a flood.
 */
const MAX_TEXT = 8_192;

/**
 * Characters that a terminal obeys or that a reader cannot see: controls, marks that turn the direction of text or have no
 * width, separators of lines, halves of characters (Unicode categories Cc, Cf, Zl, Zp, Cs).
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SHORT: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** `text` in one bounded line that only shows, whoever wrote it: what a terminal would obey stands there escaped. */
export function terminalText(text: string): string {
  const escaped = text.slice(0, MAX_TEXT).replace(UNSAFE, visible);
  if (text.length <= MAX_TEXT && escaped.length <= MAX_TEXT) return escaped;
  return `${escaped.slice(0, MAX_TEXT)}... (${text.length} characters)`;
}

/** The same at full length, for programs that read it. */
export function visibleText(text: string): string {
  return text.replace(UNSAFE, visible);
}

/**
 * `value` as JSON that can be shown: the same characters are escaped, in the way of JSON, so that its reader gets them back.
 * Longer strings are cut as `terminalText` cuts them.
 */
export function terminalJson(value: object): string {
  return escapeJson(
    JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? clip(part) : part)),
  );
}

/** JSON text that can be shown; nothing in it changes but the way in which it is written. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (character) => (character === "\n" ? character : jsonEscape(character)));
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}... (${text.length} characters)`;
}

function visible(character: string): string {
  const short = SHORT.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}

function jsonEscape(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }).join("");
}
