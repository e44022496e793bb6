import type { Progress } from "../../index.ts";
import { type LineStream, writeLines } from "../output.ts";
import type { Reporter } from "./reporter.ts";

/**
 * One line for each change of state and none for mere bytes, as docker prints into a pipe:
 * `6e909acdb790: Pull complete`.
 */
export function plainReporter(stream: LineStream): Reporter {
  const lastAction = new Map<string, string>();
  return {
    report(progress: Progress) {
      if (progress.kind === "plan" || progress.kind === "summary") return; // nothing that changes would fit into lines
      const { id } = progress;
      if (progress.kind === "message") {
        writeLines(stream, [id === "" ? progress.message : `${id}: ${progress.message}`]);
      } else if (lastAction.get(id) !== progress.action) {
        lastAction.set(id, progress.action);
        writeLines(stream, [`${id}: ${progress.action}`]);
      }
    },
    fail() {},
    facts() {},
    finish() {},
  };
}
