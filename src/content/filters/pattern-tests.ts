/** Tests one code point. */
export type CharacterTest = (codePoint: number) => boolean;

/** Tests a place between two code points; `undefined` at the ends of the text. */
export type PlaceTest = (before: number | undefined, after: number | undefined) => boolean;

const NEWLINE = 0x0a;

const isDigit: CharacterTest = (c) => c >= 0x30 && c <= 0x39;
const isUpper: CharacterTest = (c) => c >= 0x41 && c <= 0x5a;
const isLower: CharacterTest = (c) => c >= 0x61 && c <= 0x7a;

/** Whether a code point may stand in an ASCII word. */
export const isWord: CharacterTest = (c) => isDigit(c) || isUpper(c) || isLower(c) || c === 0x5f;

/** Whether a code point is no newline: what `.` takes. */
export const isInline: CharacterTest = (c) => c !== NEWLINE;

/** `\d` `\s` `\w`, of ASCII only as in RE2; the upper-case letter is the opposite. */
export const CLASSES: Readonly<Record<string, CharacterTest>> = {
  d: isDigit,
  s: (c) => c === 0x20 || c === 0x09 || c === NEWLINE || c === 0x0c || c === 0x0d,
  w: isWord,
};

/** The start of the text. */
export const textStart: PlaceTest = (before) => before === undefined;
/** The end of the text. */
export const textEnd: PlaceTest = (_, after) => after === undefined;
/** The start of any line. */
export const lineStart: PlaceTest = (before) => before === undefined || before === NEWLINE;
/** The end of any line. */
export const lineEnd: PlaceTest = (_, after) => after === undefined || after === NEWLINE;

const wordBoundary: PlaceTest = (before = 0, after = 0) => isWord(before) !== isWord(after);

/** Places with an escape of their own. */
export const PLACES: Readonly<Record<string, PlaceTest>> = {
  A: textStart,
  z: textEnd,
  b: wordBoundary,
  B: (before, after) => !wordBoundary(before, after),
};

/** Code points of the escapes for control characters. */
export const CONTROLS: Readonly<Record<string, number>> = {
  a: 7,
  f: 0x0c,
  n: NEWLINE,
  r: 0x0d,
  t: 9,
  v: 0x0b,
};

/** A code point in the other case; itself where there is none, or more than one code point. */
export function otherCase(codePoint: number): number {
  if (codePoint < 0x80) return isUpper(codePoint) || isLower(codePoint) ? codePoint ^ 0x20 : codePoint;
  const text = String.fromCodePoint(codePoint);
  const lower = text.toLowerCase();
  const other = lower === text ? text.toUpperCase() : lower;
  const [first = codePoint, ...rest] = Array.from(other, (part) => part.codePointAt(0) ?? 0);
  return rest.length > 0 ? codePoint : first;
}
