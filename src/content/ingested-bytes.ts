import type { Status } from "./store.ts";

/** Bytes of an ingest that are on disk, also those behind a hole. */
export function ingestedBytes({ offset, parts = [] }: Pick<Status, "offset" | "parts">): number {
  return parts.reduce((sum, { from, to }) => sum + to - from, offset);
}
