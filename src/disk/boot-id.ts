import { readFileSync } from "node:fs";

let known: string | undefined;

/**
 * Tells this run of the machine's kernel from those before and from other machines: what was written in it and never synced is there as
 * long as it lasts. Empty where the system does not say (only Linux does).
 */
export function bootId(): string {
  known ??= read();
  return known;
}

function read(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
