import { character, group, type PatternNode, place, repeat } from "./pattern-node.ts";
import {
  type CharacterTest,
  CLASSES,
  CONTROLS,
  isInline,
  isWord,
  lineEnd,
  lineStart,
  otherCase,
  PLACES,
  textEnd,
  textStart,
} from "./pattern-tests.ts";

/** Most repetitions that `{n,m}` may ask for (RE2's limit). */
const MAX_REPEAT = 1_000;

/** Deepest nesting of groups: each level is a few calls on the stack. RE2 has 1,000; filters need three. */
const MAX_DEPTH = 100;

const LARGEST_CODE_POINT = 0x10_ff_ff;

/** What the flags of a group change; `U`, which prefers short matches, has no bearing on whether there is one. */
interface Flags {
  /** Upper and lower case are the same. */
  readonly i: boolean;
  /** `^` and `$` stand at the ends of lines, too. */
  readonly m: boolean;
  /** `.` takes newlines, too. */
  readonly s: boolean;
}

const ESCAPED_CODE = /x\{([0-9A-Fa-f]{1,8})\}|x([0-9A-Fa-f]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2})/uy;
const REPETITION = /(?:([*+?])|\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\})\??/uy;
const GROUP = /\((?:\?P?<\w+>|\?([imsU]*)(?:-([imsU]+))?([:)]))?/uy;

/**
 * Parses a regular expression in RE2's syntax, but for `\p`, `\C`, `\Q` and `[[:posix:]]`. `undefined` for an expression
 * that is malformed, or outside of that. Takes time linear in its length.
 */
export function parsePattern(pattern: string): PatternNode | undefined {
  if (!pattern.isWellFormed()) return undefined;
  try {
    return new PatternParser(pattern).parse();
  } catch (error) {
    if (error instanceof MalformedPattern) return undefined;
    throw error;
  }
}

class MalformedPattern extends Error {}

class PatternParser {
  readonly #pattern: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { i: false, m: false, s: false };

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  parse(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#pattern.length) throw new MalformedPattern("unexpected )");
    return node;
  }

  #choice(): PatternNode {
    const nodes = [this.#sequence()];
    while (this.#skip("|")) nodes.push(this.#sequence());
    return group("choice", nodes);
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    while (this.#at < this.#pattern.length && !/[|)]/.test(this.#next())) {
      const node = this.#atom();
      if (node) nodes.push(this.#repeated(node));
    }
    return group("sequence", nodes);
  }

  #repeated(node: PatternNode): PatternNode {
    const [found, sign, from = "", comma, to] = this.#read(REPETITION) ?? [];
    if (found === undefined) return node;
    if (this.#read(REPETITION)) throw new MalformedPattern("repetition of a repetition");
    if (sign !== undefined) return repeat(node, sign === "+" ? 1 : 0, sign === "?" ? 1 : undefined);
    const min = Number(from);
    const max = comma === undefined ? min : to && Number(to);
    if (typeof max !== "number") return repeat(node, upTo(MAX_REPEAT, min), undefined);
    return repeat(node, upTo(max, min), upTo(MAX_REPEAT, max));
  }

  /** `undefined` for flags, which are nothing that could be repeated. */
  #atom(): PatternNode | undefined {
    if (this.#read(REPETITION)) throw new MalformedPattern("nothing to repeat");
    const { m, s } = this.#flags;
    switch (this.#next()) {
      case "(":
        return this.#group();
      case "[":
        return this.#class();
      case "\\":
        return this.#escape();
      case ".":
        this.#at++;
        return character(s ? () => true : isInline);
      case "^":
        this.#at++;
        return place(m ? lineStart : textStart);
      case "$":
        this.#at++;
        return place(m ? lineEnd : textEnd);
      default:
        return this.#literal(this.#take());
    }
  }

  #group(): PatternNode | undefined {
    const [found, on = "", off = "", end = ":"] = this.#read(GROUP) ?? [];
    if (found === "(" && this.#next() === "?") throw new MalformedPattern("unknown kind of group");
    const outer = this.#flags;
    const isOn = (name: keyof Flags) => (outer[name] || on.includes(name)) && !off.includes(name);
    this.#flags = { i: isOn("i"), m: isOn("m"), s: isOn("s") };
    if (end === ")") return undefined;
    if (++this.#depth > MAX_DEPTH) throw new MalformedPattern("groups nest too deeply");
    const node = this.#choice();
    if (!this.#skip(")")) throw new MalformedPattern("missing )");
    this.#depth--;
    this.#flags = outer;
    return node;
  }

  #class(): PatternNode {
    this.#at++;
    const negated = this.#skip("^");
    const tests: CharacterTest[] = [];
    do tests.push(this.#classMember());
    while (!this.#skip("]"));
    const isMember: CharacterTest = (c) => tests.some((test) => test(c));
    if (!this.#flags.i) return character((c) => isMember(c) !== negated);
    return character((c) => (isMember(c) || isMember(otherCase(c))) !== negated);
  }

  #classMember(): CharacterTest {
    if (this.#pattern.startsWith("[:", this.#at)) throw new MalformedPattern("named class");
    const shorthand = this.#shorthand();
    if (shorthand) return shorthand;
    const low = this.#classCharacter();
    if (this.#next() !== "-" || this.#pattern[this.#at + 1] === "]") return (c) => c === low;
    this.#at++;
    const high = upTo(LARGEST_CODE_POINT, this.#classCharacter());
    if (high < low) throw new MalformedPattern("range in reverse");
    return (c) => c >= low && c <= high;
  }

  #classCharacter(): number {
    return this.#skip("\\") ? this.#escapedCharacter() : this.#take();
  }

  #escape(): PatternNode {
    const shorthand = this.#shorthand();
    if (shorthand) return character(shorthand);
    this.#at++;
    const test = PLACES[this.#next()];
    if (!test) return this.#literal(this.#escapedCharacter());
    this.#at++;
    return place(test);
  }

  /** `\d` and its like, in classes and outside. */
  #shorthand(): CharacterTest | undefined {
    const letter = this.#next() === "\\" ? this.#pattern.charAt(this.#at + 1) : "";
    const test = CLASSES[letter.toLowerCase()];
    if (!test) return undefined;
    this.#at += 2;
    return letter === letter.toLowerCase() ? test : (c) => !test(c);
  }

  /** What stands behind the backslash, where it means one character. */
  #escapedCharacter(): number {
    const [found, braced, hex, octal = ""] = this.#read(ESCAPED_CODE) ?? [];
    if (found !== undefined) {
      const digits = braced ?? hex;
      return upTo(LARGEST_CODE_POINT, digits ? Number.parseInt(digits, 16) : Number.parseInt(octal, 8));
    }
    const codePoint = this.#take();
    const control = CONTROLS[String.fromCodePoint(codePoint)];
    if (control !== undefined) return control;
    const isPunctuation = codePoint < 0x80 && (!isWord(codePoint) || codePoint === 0x5f);
    if (!isPunctuation) throw new MalformedPattern("unknown escape");
    return codePoint;
  }

  #literal(codePoint: number): PatternNode {
    const other = this.#flags.i ? otherCase(codePoint) : codePoint;
    return character((c) => c === codePoint || c === other);
  }

  #next(): string {
    return this.#pattern.charAt(this.#at);
  }

  #take(): number {
    const codePoint = this.#pattern.codePointAt(this.#at);
    if (codePoint === undefined) throw new MalformedPattern("unexpected end");
    this.#at += codePoint > 0xff_ff ? 2 : 1;
    return codePoint;
  }

  #read(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#pattern) ?? undefined;
    this.#at += found?.[0].length ?? 0;
    return found;
  }

  #skip(text: string): boolean {
    if (this.#next() !== text) return false;
    this.#at++;
    return true;
  }
}

function upTo(limit: number, value: number): number {
  if (value > limit) throw new MalformedPattern("number out of range");
  return value;
}
