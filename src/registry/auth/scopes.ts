/**
 * The scopes sorted, and each resource once with all the actions wanted there: several token servers look at
 * the first or the last scope of a resource only.
 */
export function mergeScopes(scopes: readonly string[]): readonly string[] {
  const actions = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const scope of scopes.filter((text) => text !== "")) {
    const [, resource, list] = /^([^:]+:.+):([^:]*)$/.exec(scope) ?? [];
    if (resource === undefined || list === undefined) others.add(scope);
    else actions.set(resource, new Set([...(actions.get(resource) ?? []), ...list.split(",")]));
  }
  const merged = [...actions].map(([resource, wanted]) => `${resource}:${[...wanted].join(",")}`);
  return [...others, ...merged].toSorted();
}
