import type { ImagePlan, PlannedContent } from "../index.ts";
import { formatBytes } from "./format-bytes.ts";
import { printLines, printTable } from "./output.ts";

/** Prints what a pull would bring: a line for each content, and how much of it all would come. */
export function printPlan({ contents, totalBytes, bytesHere }: ImagePlan): void {
  const rows = contents.map((content) => [
    content.kind,
    formatBytes(content.size),
    whereabouts(content),
    content.digest,
  ]);
  printTable([["KIND", "SIZE", "HERE", "DIGEST"], ...rows]);
  printLines("", `Would download ${formatBytes(totalBytes - bytesHere)} of ${formatBytes(totalBytes)}`);
}

function whereabouts({ bytesHere, size, isComing }: PlannedContent): string {
  if (bytesHere === size) return "yes";
  const part = bytesHere === 0 ? "no" : formatBytes(bytesHere);
  return isComing ? `${part}, coming` : part;
}
