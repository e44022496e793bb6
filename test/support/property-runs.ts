const { DRAYAGE_PROPERTY_RUNS = "100" } = process.env;

/** How often a property is tried: `usual` times, or the part of them that `DRAYAGE_PROPERTY_RUNS` says in percent. */
export function propertyRuns(usual: number): number {
  return Math.max(1, Math.round((usual * Number(DRAYAGE_PROPERTY_RUNS)) / 100));
}
