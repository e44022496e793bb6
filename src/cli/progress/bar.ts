import { formatBytes } from "../format-bytes.ts";

/** Characters of a full bar, without its head: docker's, one for each two percent. */
export const BAR_WIDTH = 50;

/** The narrowest bar that is worth drawing. */
const MIN_BAR_WIDTH = 10;

/** Columns that sizes take at least, so that they stay in place while they grow: docker's. */
const SIZE_COLUMNS = 8;

/**
 * `[=>      ]  1.2MB/3MB` as docker writes it, of `width` characters and the head; without the bar where that would
 * be too narrow. Only the bytes done where the total is not known or turned out to be wrong.
 */
export function formatBar(currentBytes: number, totalBytes: number, width: number = BAR_WIDTH): string {
  const done = formatBytes(currentBytes).padStart(SIZE_COLUMNS);
  if (totalBytes <= 0) return done;
  const sizes = currentBytes > totalBytes ? done : `${done}/${formatBytes(totalBytes)}`;
  if (width < MIN_BAR_WIDTH) return sizes.trimStart();
  const filled = Math.min(width, Math.floor((currentBytes / totalBytes) * width));
  return `[${"=".repeat(filled)}>${" ".repeat(width - filled)}] ${sizes}`;
}
