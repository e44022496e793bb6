/** Quoted text is malformed; the message says how. */
export class QuotedTextError extends Error {}

/** Escapes of one letter, as in Go's strings; the quote itself may be escaped as well. */
const LETTERS: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** Escapes that number a byte (three octal digits, or two hexadecimal after `x`) or a character (after `u` or `U`). */
const NUMBERED = /\\(?:[0-7]{3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})/y;

const LARGEST_CODE_POINT = 0x10_ff_ff;

/**
 * Where the quoted text that begins at `start` ends: the index behind its closing quote. Throws `QuotedTextError` for
 * text that does not end on its line, or has escapes that are none.
 */
export function scanQuoted(input: string, start: number): number {
  const quote = input[start];
  for (let at = start + 1; at < input.length; ) {
    const character = input[at];
    if (character === quote) return at + 1;
    if (character === "\n") break;
    at += character === "\\" ? escapeAt(input, at, quote).length : 1;
  }
  throw new QuotedTextError("quoted literal not terminated");
}

/** The text that `quoted`, which `scanQuoted` has passed, stands for. Throws `QuotedTextError` for numbers out of range. */
export function unquote(quoted: string): string {
  const quote = quoted[0];
  const parts: Buffer[] = [];
  for (let at = 1; at < quoted.length - 1; ) {
    const isEscape = quoted[at] === "\\";
    const part = isEscape ? escapeAt(quoted, at, quote) : plainAt(quoted, at);
    parts.push(isEscape ? bytesOf(part) : Buffer.from(part));
    at += part.length;
  }
  return Buffer.concat(parts).toString();
}

function plainAt(quoted: string, at: number): string {
  const end = quoted.indexOf("\\", at);
  return quoted.slice(at, end < 0 ? -1 : end);
}

function escapeAt(input: string, at: number, quote: string | undefined): string {
  const next = input[at + 1] ?? "";
  if (next === quote || Object.hasOwn(LETTERS, next)) return input.slice(at, at + 2);
  NUMBERED.lastIndex = at;
  const numbered = NUMBERED.exec(input)?.[0];
  if (numbered !== undefined) return numbered;
  if (next === "") throw new QuotedTextError("quoted literal not terminated");
  throw new QuotedTextError(
    /[0-7xuU]/.test(next) ? "illegal numeric escape sequence" : "illegal escape sequence",
  );
}

/** The UTF-8 bytes of an escape. Bytes are numbered one by one, so that several of them can make one character. */
function bytesOf(sequence: string): Buffer {
  const kind = sequence.charAt(1);
  if (/[0-7]/.test(kind)) return byte(Number.parseInt(sequence.slice(1), 8));
  if (!/[xuU]/.test(kind) || sequence.length === 2) return Buffer.from(LETTERS[kind] ?? kind);
  const number = Number.parseInt(sequence.slice(2), 16);
  if (kind === "x") return byte(number);
  if (number > LARGEST_CODE_POINT) throw new QuotedTextError("unquoting failed: invalid syntax");
  return Buffer.from(String.fromCodePoint(number));
}

function byte(number: number): Buffer {
  if (number > 0xff) throw new QuotedTextError("unquoting failed: invalid syntax");
  return Buffer.of(number);
}
