import { ErrInvalidArgument } from "../../errors/classes.ts";
import { QuotedTextError, scanQuoted, unquote } from "./quoted-text.ts";

/** Longest filter, in UTF-16 units: ten labels of the longest kind. Messages repeat the filter, and it is kept in memory. */
const MAX_FILTER_LENGTH = 65_536;

/** How a field is compared. */
export type Operator = "==" | "!=" | "~=";

/** One condition on one field; without `condition` the field must be present. */
export interface Selector {
  readonly path: readonly string[];
  readonly condition?: { readonly operator: Operator; readonly value: string };
}

const OPERATORS: ReadonlySet<string> = new Set<Operator>(["==", "!=", "~="]);

/** What stands between the parts of a filter where it matters not. */
const SPACES = /\p{White_Space}*/uy;
const FIELD = /[A-Za-z0-9_]+/y;
const OPERATOR = /[=!~]+/y;
/** Printable, no space, no comma; the first character is none that begins something else. */
const VALUE = /(?![.,"/|=!~])(?:(?!,)[\p{L}\p{M}\p{N}\p{P}\p{S}])+/uy;

/**
 * The selectors of one filter, all of which must hold; none for an empty filter. Grammar and errors are containerd's
 * (as in containerd): throws `ErrInvalidArgument`, `filters: parse error: [<before> >|<character>|< <after>]: <reason>`.
 */
export function parseFilter(filter: string): readonly Selector[] {
  if (filter.length > MAX_FILTER_LENGTH) {
    const lengths = `got ${filter.length} characters, want at most ${MAX_FILTER_LENGTH}`;
    throw new ErrInvalidArgument(`filters: parse error: filter is too long: ${lengths}`);
  }
  return filter === "" ? [] : new FilterParser(filter).parse();
}

class FilterParser {
  readonly #input: string;
  #at = 0;

  constructor(input: string) {
    this.#input = input;
  }

  parse(): readonly Selector[] {
    const unreadable = this.#input.search(/\0|\p{Surrogate}/u);
    if (unreadable >= 0) {
      this.#fail(unreadable, this.#input[unreadable] === "\0" ? "unexpected null" : "rune error");
    }
    const selectors = [this.#selector()];
    while (this.#at < this.#input.length) {
      if (!this.#skip(",")) this.#fail(this.#at, `unexpected input: ${this.#character(this.#at)}`);
      selectors.push(this.#selector());
    }
    return selectors;
  }

  #selector(): Selector {
    const path = [this.#field()];
    while (this.#skip(".")) path.push(this.#field());
    if (this.#at === this.#input.length || this.#input[this.#at] === ",") return { path };
    const operator = this.#operator();
    return { path, condition: { operator, value: this.#value(operator) } };
  }

  #field(): string {
    this.#read(SPACES);
    return this.#read(FIELD) ?? this.#quoted('"') ?? this.#fail(this.#at, "expected field or quoted");
  }

  #operator(): Operator {
    this.#read(SPACES);
    const start = this.#at;
    const operator = this.#read(OPERATOR);
    if (operator === undefined) this.#fail(start, `expected an operator ("=="|"!="|"~=")`);
    if (!OPERATORS.has(operator)) this.#fail(start, `unsupported operator "${operator}"`);
    return operator as Operator;
  }

  #value(operator: Operator): string {
    this.#read(SPACES);
    const quotes = operator === "~=" ? '"/|' : '"';
    return this.#read(VALUE) ?? this.#quoted(quotes) ?? this.#fail(this.#at, "expected value or quoted");
  }

  /** Text in one of the `allowed` quotes; `undefined` when no quote begins here. */
  #quoted(allowed: string): string | undefined {
    const start = this.#at;
    const quote = this.#input.charAt(start);
    if (!/["/|]/.test(quote)) return undefined;
    try {
      this.#at = scanQuoted(this.#input, start);
      if (!allowed.includes(quote)) this.#fail(start, "invalid quote encountered");
      return unquote(this.#input.slice(start, this.#at));
    } catch (error) {
      if (error instanceof QuotedTextError) this.#fail(start, error.message);
      throw error;
    }
  }

  /** What `pattern` (sticky) finds right here; then stands behind it. */
  #read(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#input)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skip(character: string): boolean {
    if (this.#input[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #character(at: number): string {
    return String.fromCodePoint(this.#input.codePointAt(at) ?? 0);
  }

  #fail(at: number, reason: string): never {
    throw new ErrInvalidArgument(`filters: parse error: [${this.#marked(at)}]: ${reason}`);
  }

  #marked(at: number): string {
    if (at >= this.#input.length) return this.#input;
    const character = this.#character(at);
    return `${this.#input.slice(0, at)} >|${character}|< ${this.#input.slice(at + character.length)}`;
  }
}
