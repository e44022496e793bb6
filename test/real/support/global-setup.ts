import { fetchParts } from "./fetch-parts.ts";

/** Runs once before all tests: fetches the parts that are missing and prints one line about them. */
export async function setup(): Promise<void> {
  const { present, failed } = await fetchParts();
  const missing = [...failed].map(([name, reason]) => `${name} (${reason})`);
  const loud = missing.length === 0 ? "" : `; ${missing.length} MISSING: ${missing.join(", ")}`;
  process.stdout.write(`Real parts: ${present.join(", ") || "none"}${loud}\n`);
}

if (import.meta.main) await setup();
