import { eitherOf, type Rule, rule, withMethods } from "./rule.ts";

/** `true` or `false`. */
export const aBoolean: Rule = rule("true or false", (value) => typeof value === "boolean");

/** Any string, also an empty one. */
export const aString: Rule = rule("a string", (value) => typeof value === "string");

/** A string that can be a path: neither empty nor with a NUL in it. */
export const aPath: Rule = rule(
  "a path",
  (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
);

/** Any function. */
export const aFunction: Rule = rule("a function", (value) => typeof value === "function");

/** A number that is neither infinite nor NaN. */
export const aFiniteNumber: Rule = rule("a finite number", (value) => Number.isFinite(value));

/** How many of something, from `least` on. */
export function wholeNumberFrom(least: number): Rule {
  return rule(
    `a whole number from ${least}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= least,
  );
}

/** Permissions of a file or directory. */
export const aMode: Rule = rule(
  "permissions from 0 to 0o777",
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0o777,
);

/** The longest time that a timer of Node.js can wait for, in milliseconds. */
export const MAX_TIMER_MS = 2_147_483_647;

/** A time in milliseconds for a timer; 0 means at once. */
export const milliseconds: Rule = rule(
  `milliseconds from 0 to ${MAX_TIMER_MS}`,
  (value) => typeof value === "number" && value >= 0 && value <= MAX_TIMER_MS,
);

/** The longest that something may take, in whole milliseconds. */
export const aTimeout: Rule = rule(
  `milliseconds from 1 to ${MAX_TIMER_MS}`,
  (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_TIMER_MS,
);

/** An `AbortSignal`, told by what it can do: those of other realms are no instances of ours. */
export const aSignal: Rule = rule("an AbortSignal", (value) => {
  if (typeof value !== "object" || value === null) return false;
  const { aborted, addEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
});

/** Bytes that come in chunks. */
export const anAsyncIterable: Rule = rule(
  "an async iterable",
  (value) => typeof value === "object" && value !== null && Symbol.asyncIterator in value,
);

/** A pino-shaped logger. */
export const aLogger: Rule = withMethods("debug", "info", "warn", "error");

/** Switches something on for everything, or for what a list names. */
export function switchOrListOf(list: Rule): Rule {
  return eitherOf(aBoolean, list);
}
