const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** `bytes` in decimal units with four significant digits, as docker prints sizes: `36.45kB`, `1.501MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}
