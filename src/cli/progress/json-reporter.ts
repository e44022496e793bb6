import { type Progress, toDockerMessage } from "../../index.ts";
import { type LineStream, writeJsonMessage } from "../output.ts";
import { formatBar } from "./bar.ts";
import type { Reporter } from "./reporter.ts";

/** Docker's JSON message lines (`POST /images/create`): `status`, `id`, `progressDetail`, `progress`, `aux`, `error`. */
export function jsonReporter(stream: LineStream): Reporter {
  return {
    report(progress) {
      const line = jsonMessage(progress);
      if (line) writeJsonMessage(stream, line);
    },
    fail(message) {
      writeJsonMessage(stream, { errorDetail: { message }, error: message });
    },
    facts(aux) {
      writeJsonMessage(stream, { progressDetail: {}, aux });
    },
    finish() {},
  };
}

/** With the bar in text, for programs that print it as it is. */
function jsonMessage(progress: Progress): object | undefined {
  const line = toDockerMessage(progress);
  if (progress.kind !== "update" || !line) return line;
  const { status, progressDetail, id } = line;
  const { currentBytes: current, totalBytes: total } = progress;
  const bar = current > 0 || total > 0 ? formatBar(current, total) : undefined;
  return { status, progressDetail, progress: bar, id };
}
