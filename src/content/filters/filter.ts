import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { Info, Status } from "../store.ts";
import { compilePattern } from "./compile-pattern.ts";
import { type Operator, parseFilter, type Selector } from "./parse-filter.ts";

/** Most filters of one listing: a client that asks for digests one by one needs thousands, and each is tried on each entry. */
const MAX_FILTERS = 10_000;

/** The value of the field that a path names; `undefined` when the entry has no such field. */
type FieldOf<T> = (entry: T, path: readonly string[]) => string | undefined;

/** Whether a listing shows an entry. */
export type Filter<T> = (entry: T) => boolean;

/**
 * Compiles the filters of a listing of content, with the fields `digest` and `labels.<key>` (as in containerd). Throws
 * `ErrInvalidArgument` (`filters: parse error: ...`).
 */
export function infoFilter(filters: readonly string[] | undefined): Filter<Info> {
  return compileFilters(filters, fieldOfInfo);
}

/** Compiles the filters of a listing of ingests, with the field `ref`. Throws as `infoFilter` does. */
export function statusFilter(filters: readonly string[] | undefined): Filter<Pick<Status, "ref">> {
  return compileFilters(filters, ({ ref }, [field]) => (field === "ref" ? ref : undefined));
}

function fieldOfInfo({ digest, labels }: Info, [field, ...rest]: readonly string[]): string | undefined {
  if (field === "digest") return digest;
  const key = rest.join(".");
  return field === "labels" && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Any filter must hold, and of that every selector; no filters, or an empty one, let everything through. */
function compileFilters<T>(filters: readonly string[] = [], fieldOf: FieldOf<T>): Filter<T> {
  if (!Array.isArray(filters) || !filters.every((filter) => typeof filter === "string")) {
    throw new ErrInvalidArgument("filters: want a list of strings");
  }
  if (filters.length > MAX_FILTERS) {
    throw new ErrInvalidArgument(`filters: got ${filters.length} filters, want at most ${MAX_FILTERS}`);
  }
  const alternatives = filters.map((filter) =>
    parseFilter(filter).map((one) => compileSelector(one, fieldOf)),
  );
  if (alternatives.length === 0) return () => true;
  return (entry) => alternatives.some((selectors) => selectors.every((selects) => selects(entry)));
}

function compileSelector<T>({ path, condition }: Selector, fieldOf: FieldOf<T>): Filter<T> {
  if (!condition) return (entry) => fieldOf(entry, path) !== undefined;
  const holds = CONDITIONS[condition.operator](condition.value);
  return (entry) => holds(fieldOf(entry, path));
}

/** By operator: from the value in the filter to a test of the field. An absent field differs from every value. */
const CONDITIONS: Record<Operator, (value: string) => (field: string | undefined) => boolean> = {
  "==": (value) => (field) => field === value,
  "!=": (value) => (field) => field !== value,
  "~=": (value) => {
    const matches = compilePattern(value);
    return (field = "") => matches?.(field) ?? false;
  },
};
