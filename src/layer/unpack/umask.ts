import { readFileSync } from "node:fs";

/**
 * The process's umask, which keeps its bits from every file that is made. Read where the kernel tells it: `process.umask()` sets
 * it to 0 for a moment, for all threads. All bits where it is not told, so that every mode is set.
 */
export function readUmask(): number {
  try {
    const [, digits] = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    return digits === undefined ? 0o777 : Number.parseInt(digits, 8);
  } catch {
    return 0o777;
  }
}
