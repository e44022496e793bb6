import type { SummaryProgress } from "../../index.ts";
import { formatBytes } from "../format-bytes.ts";
import { formatBar } from "./bar.ts";

/** One line about the whole: `Total: [==>   ]  12MB/48MB  3.2MB/s  12s left`. */
export function formatSummary(
  { bytesDone, bytesTotal, bytesPerSecond, etaMs }: SummaryProgress,
  barWidth: number,
): string {
  const parts = [`Total: ${formatBar(bytesDone, bytesTotal, barWidth)}`];
  if (bytesPerSecond > 0) parts.push(`${formatBytes(bytesPerSecond)}/s`);
  if (etaMs !== undefined) parts.push(`${formatTime(etaMs)} left`);
  return parts.join("  ");
}

/** A time in its two largest units: `45s`, `2m05s`, `3h20m`. */
function formatTime(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}
