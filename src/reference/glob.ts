import { ErrInvalidArgument } from "../errors/classes.ts";

/** Longest pattern, in characters: a match costs at most pattern times name. */
const MAX_PATTERN_LENGTH = 4096;

/** What one place of the pattern lets through: any run, or one character of a kind. */
type Token = "star" | ((character: string) => boolean);

/** First and last code point, both included. */
type Range = readonly [low: number, high: number];

/**
 * Whether the whole of `name` fits the shell pattern, as Go's `path.Match` decides it: `*` any run without a slash, `?`
 * one character but a slash, `[a-z]` or `[^a-z]` one character of a class, `\` takes the next one literally.
 *
 * Throws `ErrInvalidArgument` "syntax error in pattern", whether or not `name` gets as far as the mistake.
 */
export function matchGlob(pattern: string, name: string): boolean {
  return matchTokens(new PatternReader(pattern).tokens(), Array.from(name));
}

/**
 * Only the last star is ever tried again, which bounds the work: an earlier one took the shortest run that fits, and a
 * longer one would only leave less to the rest.
 */
function matchTokens(tokens: readonly Token[], name: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let starEnd = 0;
  let position = 0;
  while (position < name.length) {
    const token = tokens[at];
    if (token === "star") {
      star = at++;
      starEnd = position;
    } else if (token?.(name[position] ?? "")) {
      at++;
      position++;
    } else if (star !== -1 && name[starEnd] !== "/") {
      position = ++starEnd;
      at = star + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(at).every((token) => token === "star");
}

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    if (pattern.length > MAX_PATTERN_LENGTH) {
      throw new ErrInvalidArgument(
        `syntax error in pattern: ${pattern.length} characters, at most ${MAX_PATTERN_LENGTH}`,
      );
    }
    this.#characters = Array.from(pattern);
  }

  tokens(): Token[] {
    const tokens: Token[] = [];
    while (this.#at < this.#characters.length) tokens.push(this.#token());
    return tokens;
  }

  #token(): Token {
    const literal = this.#next();
    if (literal === "*") return "star";
    if (literal === "?") return (character) => character !== "/";
    if (literal === "[") return this.#class();
    const wanted = literal === "\\" ? this.#next() : literal;
    return (character) => character === wanted;
  }

  #class(): Token {
    const negated = this.#skip("^");
    const ranges: Range[] = [this.#range()];
    while (!this.#skip("]")) ranges.push(this.#range());
    return (character) => {
      const point = codePoint(character);
      return ranges.some(([low, high]) => low <= point && point <= high) !== negated;
    };
  }

  #range(): Range {
    const low = this.#classCharacter();
    return [low, this.#skip("-") ? this.#classCharacter() : low];
  }

  #classCharacter(): number {
    const character = this.#next();
    if (character === "-" || character === "]") throw syntaxError();
    return codePoint(character === "\\" ? this.#next() : character);
  }

  #skip(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw syntaxError();
    return character;
  }
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function syntaxError(): ErrInvalidArgument {
  return new ErrInvalidArgument("syntax error in pattern");
}
