import type { Inside, OptionType } from "../../../docs/apidocs/api.ts";
import { type OptionExample, optionKey } from "./option-examples.ts";

/** With what examples run. */
export interface Runner {
  /** Makes the object of each example. */
  readonly makers: ReadonlyArray<() => Promise<object>>;
  /** Calls what takes the options of a type, by its key, or its name where one alone has it. */
  readonly callers: Readonly<Record<string, (options: object) => unknown>>;
}

/** What became of examples. */
export interface Outcomes {
  /** Those that failed, and what was said. */
  readonly failures: readonly string[];
  /** Names of types that nothing was called with: their examples were made, and no more. */
  readonly uncalled: readonly string[];
}

/**
 * Runs the examples one after the other: makes each object, with what else its type needs, and calls with it whatever takes
 * it, or takes the options that it is inside of. Options that several types inherit are tried with one of them.
 */
export async function runExamples(
  examples: readonly OptionExample[],
  { makers, callers }: Runner,
): Promise<Outcomes> {
  const types = new Map(examples.map(({ type }) => [type.key, type]));
  const failures: string[] = [];
  const uncalled = new Set<string>();
  for (const [at, example] of examples.entries()) {
    if (!isForemost(example, examples)) continue;
    try {
      const made = await makers[at]?.();
      const isCalled = await call(example.type, { ...(await needed(example.type)), ...made });
      if (!isCalled) uncalled.add(example.type.name);
    } catch (error) {
      failures.push(
        `${optionKey(example.option)} (in ${example.type.name}) ${example.text}: ${String(error)}`,
      );
    }
  }
  return { failures, uncalled: [...uncalled].toSorted() };

  /** The options that a type cannot be without, as their examples have them. */
  async function needed(type: OptionType): Promise<object> {
    const required = type.options.filter(({ isRequired }) => isRequired);
    const parts = required.map(async (option) => {
      const at = examples.findIndex((one) => one.type === type && one.option === option);
      return (await makers[at]?.()) ?? {};
    });
    return Object.assign({}, ...(await Promise.all(parts)));
  }

  async function call(type: OptionType, value: object): Promise<boolean> {
    const caller = callers[type.key] ?? callers[type.name];
    if (caller !== undefined) {
      await caller(value);
      return true;
    }
    for (const inside of type.inside) {
      const outer = types.get(inside.type);
      if (outer === undefined || outer === type) continue;
      if (await call(outer, { ...(await needed(outer)), [inside.option]: wrapped(value, inside) }))
        return true;
    }
    return false;
  }
}

/** Whether it is not the same as one of the type that declares the option, or of the first that has it. */
function isForemost({ option, type }: OptionExample, all: readonly OptionExample[]): boolean {
  const key = optionKey(option);
  const same = all.filter((one) => optionKey(one.option) === key);
  return type === (same.find((one) => one.type.name === option.owner) ?? same[0])?.type;
}

/** How the option has it that the value is for. */
function wrapped(value: object, { as }: Inside): unknown {
  if (as === "list") return [value];
  return as === "record" ? { "registry.example": value } : value;
}
