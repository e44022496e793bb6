import type { Progress } from "../../index.ts";
import { formatBar } from "./bar.ts";
import type { Reporter } from "./reporter.ts";

/** Docker's JSON message lines (`POST /images/create`): `status`, `id`, `progressDetail`, `progress`, `error`. */
export function jsonReporter(write: (text: string) => void): Reporter {
  const line = (value: object): void => write(`${JSON.stringify(value)}\r\n`);
  return {
    report: (progress) => line(jsonMessage(progress)),
    fail(message) {
      line({ errorDetail: { message }, error: message });
    },
    finish() {},
  };
}

function jsonMessage(progress: Progress): object {
  const { id } = progress;
  if (progress.kind === "message") return { status: progress.message, ...(id === "" ? {} : { id }) };
  const { action: status, currentBytes: current, totalBytes: total } = progress;
  if (current === 0 && total === 0) return { status, progressDetail: {}, id };
  const progressDetail = { current, ...(total > 0 ? { total } : {}) };
  return { status, progressDetail, progress: formatBar(current, total), id };
}
