import { isJsonObject } from "../../oci/json-object.ts";
import { badParameter, Refusal } from "./refusal.ts";

/** Most values of all filters together: each is compared with each image. */
const MAX_FILTER_VALUES = 1_000;

/** What `filters` asks for: values by the name of the filter. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /**
   * Reads the parameter `filters`: `{"dangling":{"true":true}}`, or the older `{"dangling":["true"]}`. Throws `Refusal` in dockerd's
   * words for anything else, and for a name that is not among `known`.
   */
  static of(query: URLSearchParams, known: readonly string[]): Filters {
    const text = query.get("filters") ?? "";
    if (text === "") return new Filters(new Map());
    const values = new Map(Object.entries(parse(text)).map(([name, given]) => [name, valuesOf(given)]));
    const unknown = [...values.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined) throw badParameter(`invalid filter '${unknown}'`);
    const count = [...values.values()].reduce((sum, { length }) => sum + length, 0);
    if (count > MAX_FILTER_VALUES)
      throw new Refusal(413, `got ${count} filters, at most ${MAX_FILTER_VALUES}`);
    return new Filters(values);
  }

  /** The values of a filter; none where it is not asked for. */
  get(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** A filter that is a switch; `undefined` where it is not asked for. Throws `Refusal` for any other value. */
  flag(name: string): boolean | undefined {
    const values = this.get(name);
    if (values.length === 0) return undefined;
    const flags = new Set(values.map((value) => FLAGS.get(value.toLowerCase())));
    const [flag] = flags;
    if (flags.size === 1 && flag !== undefined) return flag;
    throw badParameter(`invalid filter '${name}=[${values.join(" ")}]'`);
  }

  /** Whether one of a filter's values is `value`, or the filter is not asked for. */
  accepts(name: string, isWanted: (value: string) => boolean): boolean {
    const values = this.get(name);
    return values.length === 0 || values.some(isWanted);
  }
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["t", true],
  ["false", false],
  ["0", false],
  ["f", false],
]);

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {} // it is refused below
  throw badParameter("invalid filter");
}

function valuesOf(given: unknown): readonly string[] {
  if (Array.isArray(given) && given.every((one) => typeof one === "string")) return given;
  if (isJsonObject(given)) return Object.keys(given).filter((key) => given[key] === true);
  throw badParameter("invalid filter");
}
