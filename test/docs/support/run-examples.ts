import type { Inside, OptionType } from "../../../apidocs/api.ts";
import { type OptionExample, optionKey } from "./option-examples.ts";

/** With what examples run. */
export interface Runner {
  /** Makes the object of each example. */
  readonly makers: ReadonlyArray<() => Promise<object>>;
  /** Calls what takes the options of a type, by its key, or its name where one alone has it. */
  readonly callers: Readonly<Record<string, (options: object) => unknown>>;
}

/**
 * Runs the examples one after the other: makes each object, with what else its type needs, and calls with it whatever takes
 * it, or takes the options that it is inside of. Returns what failed, and what it said.
 */
export async function runExamples(
  examples: readonly OptionExample[],
  { makers, callers }: Runner,
): Promise<readonly string[]> {
  const types = new Map(examples.map(({ type }) => [type.key, type]));
  const failures: string[] = [];
  for (const [at, example] of examples.entries()) {
    try {
      const made = await makers[at]?.();
      await call(example.type, { ...(await needed(example.type)), ...made });
    } catch (error) {
      failures.push(
        `${optionKey(example.option)} (in ${example.type.name}) ${example.text}: ${String(error)}`,
      );
    }
  }
  return failures;

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

/** How the option has it that the value is for. */
function wrapped(value: object, { as }: Inside): unknown {
  if (as === "list") return [value];
  return as === "record" ? { "registry.example": value } : value;
}
