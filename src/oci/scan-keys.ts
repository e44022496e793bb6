import { ErrInvalidArgument } from "../errors/classes.ts";

/** Levels of nesting that we read; the documents of an image need 6, and recursion further on stays harmless. */
export const MAX_NESTING = 128;

const QUOTE = 0x22;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Is told what a scan comes by, in the order of the text. */
export interface KeyVisitor {
  /** An object or a list begins, as the value of the newest key or as an element of the list around it. */
  open(kind: "object" | "list"): void;
  /** A key of the object around it. */
  key(name: string): void;
  /** The newest object or list that is open ends. */
  close(): void;
}

/**
 * Tells `visitor` every key in the JSON `text`, with the repetitions that `JSON.parse` would drop without a word. One
 * pass, linear in the length of `text`. Says nothing about whether `text` is JSON: `JSON.parse` has the last word,
 * and for text that it accepts what is told is exact. Throws `ErrInvalidArgument` for nesting deeper than
 * `MAX_NESTING`.
 */
export function scanKeys(text: string, visitor: KeyVisitor): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (depth > 0 && isFollowedByColon(text, end)) visitor.key(decodeKey(text.slice(at, end)));
      at = end - 1;
    } else {
      depth = nest(code, depth, visitor);
    }
  }
}

/** Tells `visitor` of a bracket; gives the depth behind it. */
function nest(code: number, depth: number, visitor: KeyVisitor): number {
  if (code === OPEN_BRACE || code === OPEN_BRACKET) {
    if (depth === MAX_NESTING) {
      throw new ErrInvalidArgument(`Cannot read JSON: nested deeper than ${MAX_NESTING} levels`);
    }
    visitor.open(code === OPEN_BRACE ? "object" : "list");
    return depth + 1;
  }
  if (depth === 0 || (code !== CLOSE_BRACE && code !== CLOSE_BRACKET)) return depth;
  visitor.close();
  return depth - 1;
}

/** Index behind the closing quote of the string that opens at `start`; the end of `text` if it never closes. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return text.length;
}

function isFollowedByColon(text: string, start: number): boolean {
  let at = start;
  while (isWhitespace(text.charCodeAt(at))) at++;
  return text.charCodeAt(at) === COLON;
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function decodeKey(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch (error) {
    throw new ErrInvalidArgument("Cannot read JSON: malformed key", { cause: error });
  }
}
