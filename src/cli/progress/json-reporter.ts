import type { Progress } from "../../index.ts";
import { type LineStream, writeJsonMessage } from "../output.ts";
import { formatBar } from "./bar.ts";
import type { Reporter } from "./reporter.ts";

/** Docker's JSON message lines (`POST /images/create`): `status`, `id`, `progressDetail`, `progress`, `aux`, `error`. */
export function jsonReporter(stream: LineStream): Reporter {
  return {
    report: (progress) => writeJsonMessage(stream, jsonMessage(progress)),
    fail(message) {
      writeJsonMessage(stream, { errorDetail: { message }, error: message });
    },
    facts(aux) {
      writeJsonMessage(stream, { progressDetail: {}, aux });
    },
    finish() {},
  };
}

function jsonMessage(progress: Progress): object {
  const { id } = progress;
  if (progress.kind === "message") return { status: progress.message, ...(id === "" ? {} : { id }) };
  const { action: status, currentBytes: current, totalBytes: total, entries } = progress;
  if (current === 0 && total === 0) return { status, progressDetail: {}, id };
  const progressDetail = {
    ...(current > 0 ? { current } : {}),
    ...(total > 0 ? { total } : {}),
    ...(entries === undefined ? {} : { entries }), // docker's clients pass over what they do not know
  };
  return { status, progressDetail, progress: formatBar(current, total), id };
}
