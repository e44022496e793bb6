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

/**
 * The scopes of repositories under the names that `asked` has for them, which end with ours: `team/app` may be `hub/team/app` there.
 * What it has no name for is left out, and nothing is changed where it names no repository at all.
 */
export function underTheirNames(scopes: readonly string[], asked: readonly string[]): readonly string[] {
  const names = asked.flatMap((scope) => repositoryScope(scope)?.name ?? []);
  if (names.length === 0) return scopes;
  return scopes.flatMap((scope) => {
    const own = repositoryScope(scope);
    if (!own) return [scope];
    const theirs = names.find((name) => `/${name}`.endsWith(`/${own.name}`));
    return theirs === undefined ? [] : [`repository:${theirs}:${own.actions}`];
  });
}

function repositoryScope(scope: string): { readonly name: string; readonly actions: string } | undefined {
  const [, name, actions] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  return name === undefined || actions === undefined ? undefined : { name, actions };
}
