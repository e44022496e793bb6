/** What is wrong with a value, in the words that an error needs. */
export interface Mismatch {
  /** Where the value is, such as `registry.mirrors["docker.io"][0]`. */
  readonly path: string;
  readonly got: string;
  readonly wanted: string;
}

/** What a value has to be. A rule never throws and never puts the text of a value into words: it may be a secret. */
export interface Rule {
  /** The first thing that is wrong with `value`, which is found at `path`; `undefined` when it is as it should be. */
  check(value: unknown, path: string): Mismatch | undefined;
  /** The names that the value may have, where it is an object of known options. */
  readonly fields?: Rules | undefined;
  /** Whether an option of this rule may not be left out. */
  readonly required?: boolean | undefined;
}

/** A rule for each name. */
export type Rules = Readonly<Record<string, Rule>>;

/**
 * A rule for each option of `T`. An option that is added to `T` without a rule does not compile, so that none can be
 * forgotten.
 */
export type RulesOf<T> = { readonly [K in keyof Required<T>]: Rule };

/** A rule that looks at the value alone. */
export function rule(wanted: string, accepts: (value: unknown) => boolean): Rule {
  return {
    check: (value, path) => (accepts(value) ? undefined : { path, got: describe(value), wanted }),
  };
}

/** An option that may not be left out. All others may be absent or `undefined`. */
export function required(inner: Rule): Rule {
  return { ...inner, required: true };
}

/** An object that has no other names than those of `fields`, each as its rule says. */
export function objectOf<T>(fields: RulesOf<T>): Rule {
  const rules: Rules = fields;
  return {
    fields: rules,
    check(value, path) {
      if (!isObject(value)) return { path, got: describe(value), wanted: "an object of options" };
      const unknown = Object.keys(value).find((name) => !Object.hasOwn(rules, name));
      if (unknown !== undefined) return unknownName(unknown, path, rules);
      return firstMismatch(Object.keys(rules), (name) => checkField(rules, value, { name, path }));
    },
  };
}

/** An object that has these fields, each as its rule says; what else it has is nobody's business here. */
export function objectWith<T>(fields: RulesOf<T>): Rule {
  const rules: Rules = fields;
  return {
    check(value, path) {
      if (!isObject(value)) return { path, got: describe(value), wanted: "an object" };
      return firstMismatch(Object.keys(rules), (name) => checkField(rules, value, { name, path }));
    },
  };
}

/** A list whose elements all keep to `element`. */
export function listOf(element: Rule): Rule {
  return {
    check(value, path) {
      if (!Array.isArray(value)) return { path, got: describe(value), wanted: "an array" };
      const elements: readonly unknown[] = value;
      return firstMismatch([...elements.keys()], (at) => element.check(elements[at], `${path}[${at}]`));
    },
  };
}

/** An object with names of the caller's choice, whose values all keep to `element`. */
export function recordOf(element: Rule): Rule {
  return {
    check(value, path) {
      if (!isObject(value)) return { path, got: describe(value), wanted: "an object" };
      return firstMismatch(Object.keys(value), (name) =>
        element.check(value[name], `${path}[${quoteName(name)}]`),
      );
    },
  };
}

/** A value that keeps to one of `rules`. Where none fits, the one that got furthest into the value says what is wrong. */
export function eitherOf(...rules: readonly Rule[]): Rule {
  return {
    check(value, path) {
      const mismatches: Mismatch[] = [];
      for (const alternative of rules) {
        const mismatch = alternative.check(value, path);
        if (mismatch === undefined) return undefined;
        mismatches.push(mismatch);
      }
      const inside = mismatches.find((mismatch) => mismatch.path !== path);
      const wanted = mismatches.map((mismatch) => mismatch.wanted).join(" or ");
      return inside ?? { path, got: describe(value), wanted };
    },
  };
}

/** An object that can do something: it has these methods, its own or inherited ones. */
export function withMethods(...names: readonly string[]): Rule {
  return rule(`an object with the methods ${names.join(", ")}`, (value) => {
    if (typeof value !== "object" || value === null) return false;
    return names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
  });
}

function checkField(
  rules: Rules,
  value: Readonly<Record<string, unknown>>,
  { name, path }: { readonly name: string; readonly path: string },
): Mismatch | undefined {
  const field = rules[name];
  if (field === undefined) return undefined;
  if (value[name] === undefined && !field.required) return undefined;
  return field.check(value[name], path === "" ? name : `${path}.${name}`);
}

/** Says where the name would be known, or which names are known here. */
function unknownName(name: string, path: string, rules: Rules): Mismatch {
  const known = Object.keys(rules).join(", ");
  const home = Object.entries(rules).find(([, { fields = {} }]) => Object.hasOwn(fields, name));
  return {
    path,
    got: `the unknown option ${quoteName(name)}`,
    wanted: home === undefined ? `one of ${known}` : `it inside of ${quoteName(home[0])}`,
  };
}

function firstMismatch<T>(
  names: readonly T[],
  check: (name: T) => Mismatch | undefined,
): Mismatch | undefined {
  for (const name of names) {
    const mismatch = check(name);
    if (mismatch !== undefined) return mismatch;
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Longest name that is quoted in an error, in characters. */
const MAX_NAME = 64;

function quoteName(name: string): string {
  return JSON.stringify(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}...` : name);
}

/** The kind of a value; only of numbers and booleans the value itself. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value === "") return "an empty string";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
