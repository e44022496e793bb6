import type { Labels } from "../content.ts";

/** The labels that `key=value` arguments stand for; without a `=` the value is empty, which removes a label. */
export function parseLabels(pairs: readonly string[]): Labels {
  return Object.fromEntries(
    pairs.map((pair) => {
      const end = pair.indexOf("=");
      return end < 0 ? [pair, ""] : [pair.slice(0, end), pair.slice(end + 1)];
    }),
  );
}

/** Labels as lines of `key=value`, sorted. */
export function formatLabels(labels: Labels): readonly string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted();
}
