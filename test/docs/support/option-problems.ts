import type { Option } from "../../../docs/apidocs/api.ts";

/** What the comment in front of an option does not tell, in words; nothing where it tells all. */
export function problemsOf(option: Option): readonly string[] {
  const { description, isRequired, defaultValue, isNumber, unit, examples } = option;
  return [
    ...(description === "" ? ["no description"] : []),
    ...(isNumber && unit === undefined ? ["no @unit, and none in the name"] : []),
    ...(!isRequired && !defaultValue ? ["no @defaultValue"] : []),
    ...(isRequired && defaultValue !== undefined ? ["a @defaultValue, although it is required"] : []),
    ...(examples.length === 0 ? ["no @example"] : []),
  ];
}
