/**
 * Headers of whatever spelling as one table with lower-case names; what comes later replaces what came
 * before.
 */
export function mergeHeaders(
  ...tables: readonly (Readonly<Record<string, string>> | undefined)[]
): Record<string, string> {
  const entries = tables.flatMap((table) => Object.entries(table ?? {}));
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
}
