import { ErrInvalidArgument } from "../errors/classes.ts";
import { objectOf, type Rule, type RulesOf } from "./rule.ts";

/**
 * Checks the options of one call at the door, before anything is done. Throws `ErrInvalidArgument` that names the option
 * which is unknown, missing or not what its rule wants, and never shows the text of a value.
 *
 * A new option of `T` gets its rule in the table that is passed here, beside the others; until it has one the table does
 * not compile. A new table is a `const` of type `RulesOf<TheOptions>`, made of the rules in `src/options/rules.ts` and what
 * combines them in `src/options/rule.ts`. Options that depend on each other are checked where they are used.
 * @param action what the call does, with which the message begins: `pull image`
 */
export function checkOptions<T>(action: string, options: unknown, rules: RulesOf<T>): void {
  const mismatch = objectOf(rules).check(options, "");
  if (mismatch === undefined) return;
  const { path, got, wanted } = mismatch;
  const option = path === "" ? "" : `option "${path}": `;
  throw new ErrInvalidArgument(`${action}: ${option}got ${got}, wanted ${wanted}`);
}

/** The same for an argument that stands alone: `name` is what the call's signature calls it. */
export function checkArgument(action: string, name: string, value: unknown, rule: Rule): void {
  const mismatch = rule.check(value, name);
  if (mismatch === undefined) return;
  const { path, got, wanted } = mismatch;
  throw new ErrInvalidArgument(`${action}: argument "${path}": got ${got}, wanted ${wanted}`);
}
