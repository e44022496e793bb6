import type { Progress } from "../../index.ts";
import type { Reporter } from "./reporter.ts";

/**
 * One line for each change of state and none for mere bytes, as docker prints into a pipe:
 * `6e909acdb790: Pull complete`.
 */
export function plainReporter(write: (text: string) => void): Reporter {
  const lastAction = new Map<string, string>();
  return {
    report(progress: Progress) {
      if (progress.kind === "message") {
        write(`${progress.id === "" ? "" : `${progress.id}: `}${progress.message}\n`);
      } else if (lastAction.get(progress.id) !== progress.action) {
        lastAction.set(progress.id, progress.action);
        write(`${progress.id}: ${progress.action}\n`);
      }
    },
    fail() {},
    finish() {},
  };
}
