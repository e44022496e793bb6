import { formatBytes } from "../format-bytes.ts";

/** Characters between the brackets of a bar: docker's width on a terminal of 80 columns or more. */
export const BAR_WIDTH = 50;

/** The narrowest bar that is worth drawing. */
const MIN_BAR_WIDTH = 10;

/** `[=====>     ]  1.2MB/3MB`; without the bar where it would be too narrow, and only `1.2MB` where the total is not known. */
export function formatBar(currentBytes: number, totalBytes: number, width: number = BAR_WIDTH): string {
  if (totalBytes <= 0) return formatBytes(currentBytes);
  const sizes = `${formatBytes(currentBytes)}/${formatBytes(totalBytes)}`;
  if (width < MIN_BAR_WIDTH) return sizes;
  const share = Math.min(1, currentBytes / totalBytes);
  const filled = Math.round(share * width);
  const head = filled < width ? ">" : "";
  const bar = `${"=".repeat(filled)}${head}`.slice(0, width).padEnd(width);
  return `[${bar}]  ${sizes}`;
}
