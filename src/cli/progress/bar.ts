import { formatBytes } from "../format-bytes.ts";

/** Characters between the brackets of a bar: docker's width on a terminal of 80 columns or more. */
const BAR_WIDTH = 50;

/** `[=====>     ]  1.2MB/3MB`, or `1.2MB` where the total is not known. */
export function formatBar(currentBytes: number, totalBytes: number, width: number = BAR_WIDTH): string {
  if (totalBytes <= 0) return formatBytes(currentBytes);
  const share = Math.min(1, currentBytes / totalBytes);
  const filled = Math.round(share * width);
  const head = filled < width ? ">" : "";
  const bar = `${"=".repeat(filled)}${head}`.slice(0, width).padEnd(width);
  return `[${bar}]  ${formatBytes(currentBytes)}/${formatBytes(totalBytes)}`;
}
