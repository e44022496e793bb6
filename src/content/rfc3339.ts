import { NS_PER_MS } from "../async/wall-clock.ts";

const NS_PER_SECOND = 1_000_000_000n;

const FORMAT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since the epoch as RFC 3339 text in UTC, with nine digits: what containerd keeps in an ingest's files. */
export function formatRfc3339(timeNs: bigint): string {
  const fraction = ((timeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  const seconds = new Date(Number((timeNs - fraction) / NS_PER_MS)).toISOString().replace(/\.\d+Z$/, "");
  return `${seconds}.${String(fraction).padStart(9, "0")}Z`;
}

/** Nanoseconds since the epoch of RFC 3339 text of any zone and precision; `undefined` when it is none. */
export function parseRfc3339(text: string): bigint | undefined {
  const [, seconds, fraction = "", zone] = FORMAT.exec(text.trim()) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * NS_PER_MS + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
}
