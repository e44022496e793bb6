import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const { PEAK_MEMORY_FILE } = process.env;

/**
 * Preloaded into a process by `node --import`, writes the process's peak resident set, in bytes, to PEAK_MEMORY_FILE when it
 * ends. VmHWM belongs to this process alone; getrusage's maximum would include the parent that it was forked from.
 */
if (PEAK_MEMORY_FILE !== undefined) {
  process.once("exit", () => {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    writeFileSync(PEAK_MEMORY_FILE, `${Number(kibibytes) * 1024}`);
  });
}

/** What to run a process with so that it writes its peak memory to `file`. */
export function reportPeakMemory(file: string): {
  nodeArguments: readonly string[];
  env: Readonly<Record<string, string>>;
} {
  return { nodeArguments: ["--import", fileURLToPath(import.meta.url)], env: { PEAK_MEMORY_FILE: file } };
}
