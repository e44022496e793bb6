import { InvalidArgumentError } from "commander";

/** A part of a line: what the user wrote, or what it stands for. */
export interface FormattedPart {
  readonly text: string;
  /** Whether it is the user's own text, and no stranger's. */
  readonly isOwn: boolean;
}

/** Gives the value of a field of what is shown, when it is needed; `undefined` for a field that there is not. */
export type FieldReader = (name: string) => unknown;

/** One `{{...}}`. */
interface Placeholder {
  readonly verb: "print" | "json" | "index" | "join";
  /** Names of fields, from the outside in; empty for all of it. */
  readonly path: readonly string[];
  /** Keys for `index`, the separator for `join`. */
  readonly arguments: ReadonlyArray<string | number>;
}

type Piece = string | Placeholder;

const PLACEHOLDER = /\{\{(.*?)\}\}/gs;

/** `.A.B`, with a word before it and keys behind. */
const EXPRESSION = /^(?:(json|index|join)\s+)?((?:\.\w+)+|\.)((?:\s+(?:"[^"]*"|\d{1,9}))*)$/;

const SUPPORTED = 'wanted {{.Field}}, {{json .Field}}, {{index .Field "key"}} or {{join .Field ","}}';

/**
 * What docker's users write behind `--format`, as far as it is placeholders: fields by their names, `json`, `index`, `join`, and `\t` and
 * `\n` between them. Conditions, loops and all other functions of Go's templates are not there.
 */
export class FormatTemplate {
  readonly #pieces: readonly Piece[];

  private constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Throws commander's `InvalidArgumentError` for what is not there. */
  static parse(text: string): FormatTemplate {
    const pieces: Piece[] = [];
    let end = 0;
    for (const match of text.matchAll(PLACEHOLDER)) {
      pieces.push(ownText(text.slice(end, match.index)), parsePlaceholder(match[1] ?? ""));
      end = match.index + match[0].length;
    }
    pieces.push(ownText(text.slice(end)));
    return new FormatTemplate(pieces.filter((piece) => piece !== ""));
  }

  /** The line for one thing. Throws `InvalidArgumentError` for a field that it has not. */
  async format(read: FieldReader): Promise<readonly FormattedPart[]> {
    const parts: FormattedPart[] = [];
    for (const piece of this.#pieces) {
      const isOwn = typeof piece === "string";
      parts.push({ text: isOwn ? piece : await valueText(piece, read), isOwn });
    }
    return parts;
  }
}

function ownText(text: string): string {
  if (text.includes("{{") || text.includes("}}")) throw unsupported(text);
  return text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function parsePlaceholder(text: string): Placeholder {
  const [, verb = "print", path = "", keys = ""] = EXPRESSION.exec(text.trim()) ?? [];
  const given = [...keys.matchAll(/"([^"]*)"|(\d+)/g)].map(([, key, number]) => key ?? Number(number));
  const takes = verb === "index" ? given.length > 0 : given.length === (verb === "join" ? 1 : 0);
  if (path === "" || !takes) throw unsupported(`{{${text}}}`);
  const names = path.split(".").filter((name) => name !== "");
  return { verb: verb as Placeholder["verb"], path: names, arguments: given };
}

function unsupported(text: string): InvalidArgumentError {
  return new InvalidArgumentError(`format: got ${JSON.stringify(text)}, ${SUPPORTED}`);
}

async function valueText({ verb, path, arguments: given }: Placeholder, read: FieldReader): Promise<string> {
  const [first = "", ...below] = path;
  const top = await read(first);
  if (top === undefined) throw new InvalidArgumentError(`format: there is no field ".${first}"`);
  const value = below.reduce(fieldOf, top);
  if (verb === "json") return JSON.stringify(value ?? null);
  if (verb === "join") return listOf(value).map(plainText).join(String(given[0]));
  return plainText(verb === "index" ? given.reduce<unknown>(fieldOf, value) : value);
}

/** A field or an element. What is not there is `undefined`. */
function fieldOf(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[key];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A value as Go prints it: `[a b]`, `map[k:v]`. */
function plainText(value: unknown): string {
  if (value === undefined || value === null) return "<no value>";
  if (Array.isArray(value)) return `[${value.map(plainText).join(" ")}]`;
  if (typeof value !== "object") return `${value as string | number | boolean}`;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, field]) => `${key}:${plainText(field)}`).join(" ")}]`;
}
