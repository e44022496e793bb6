import type { ErrInvalidArgument } from "../../errors/classes.ts";

/** Names and places in lists that lead to a value, from the root of a document. */
export type KeyPath = readonly (string | number)[];

/** A document that was parsed, and knows where it has what. */
export interface ConfigurationDocument {
  readonly root: unknown;
  /** `FILE:LINE:COLUMN` of a value, or of the closest around it that has a place. */
  placeOf(keys: KeyPath): string;
  /** The error that says what is wrong with a value. */
  invalid(keys: KeyPath, reason: string): ErrInvalidArgument;
}

type Fields = Readonly<Record<string, unknown>>;

/** A table of a configuration file, whose values have to be what is asked for. Names that nobody asks for are ignored. */
export class ConfigurationTable {
  readonly #document: ConfigurationDocument;
  readonly #keys: KeyPath;
  readonly #fields: Fields;

  /** Throws `ErrInvalidArgument` when the value at `keys` is not a table. */
  constructor(document: ConfigurationDocument, value: unknown = document.root, keys: KeyPath = []) {
    this.#document = document;
    this.#keys = keys;
    if (!isTable(value)) throw document.invalid(keys, "wanted a table");
    this.#fields = value;
  }

  /** The names that it has, in the order of the file where that is the order of the parser. */
  get names(): readonly string[] {
    return Object.keys(this.#fields);
  }

  /** `FILE:LINE:COLUMN` of `name`, or of the table itself. */
  placeOf(name?: string): string {
    return this.#document.placeOf(this.#below(name));
  }

  /** Whether there is a value of this name. */
  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  /** A string; `undefined` when it is not there. */
  string(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.flaw(name, "wanted a string");
  }

  /** `true` or `false`; `undefined` when it is not there. */
  boolean(name: string): boolean | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.flaw(name, "wanted true or false");
  }

  /** A list of strings, or one string in its place when `orString` says so; empty when it is not there. */
  strings(name: string, { orString = false } = {}): readonly string[] {
    const value = this.#value(name) ?? [];
    if (orString && typeof value === "string") return [value];
    if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
    throw this.flaw(name, orString ? "wanted a string or a list of strings" : "wanted a list of strings");
  }

  /** Whatever it is: for values of several shapes. */
  value(name: string): unknown {
    return this.#value(name);
  }

  /** The table of this name; `undefined` when it is not there. */
  table(name: string): ConfigurationTable | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : new ConfigurationTable(this.#document, value, this.#below(name));
  }

  /** The tables of a list; none when it is not there. */
  tables(name: string): readonly ConfigurationTable[] {
    const value = this.#value(name) ?? [];
    if (!Array.isArray(value)) throw this.flaw(name, "wanted a list of tables");
    return value.map(
      (one: unknown, at) => new ConfigurationTable(this.#document, one, [...this.#below(name), at]),
    );
  }

  /** The error that says what is wrong with `name`, or with the whole table. */
  flaw(name: string | undefined, problem: string): ErrInvalidArgument {
    const subject = name === undefined ? "" : `${name}: `;
    return this.#document.invalid(this.#below(name), `${subject}${problem}`);
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }

  #below(name: string | undefined): KeyPath {
    return name === undefined ? this.#keys : [...this.#keys, name];
  }
}

function isTable(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
