/**
 * Whether another client is to do the same: `same`, or why it does not, perhaps behind `before 2.0: ` or `since 2.0: ` for
 * those of other versions.
 */
export function agrees(agreement: string | undefined, major = 0): boolean {
  const [, when, version] = /^(before|since) (\d+)\.0: /.exec(agreement ?? "") ?? [];
  if (when === undefined) return agreement === "same";
  return (when === "before") === major >= Number(version);
}
