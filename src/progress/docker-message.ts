import type { Progress, StepProgress } from "./progress.ts";

/** One line of docker's JSON message stream (`POST /images/create`), as far as progress goes. */
export interface DockerMessage {
  readonly status: string;
  /** Short id of the object; absent where the line is about all of it. */
  readonly id?: string;
  /** How far the object has come; empty where that is not known. Docker's clients pass over fields that they do not know. */
  readonly progressDetail?: {
    /** Bytes done. */
    readonly current?: number;
    /** Bytes in all. */
    readonly total?: number;
    /** Files, directories and links that were made. */
    readonly entries?: number;
  };
}

/**
 * Progress as docker tells it, without the bar in text, which its clients draw themselves; `undefined` for what docker does not tell:
 * plans and summaries.
 */
export function toDockerMessage(progress: StepProgress): DockerMessage;
export function toDockerMessage(progress: Progress): DockerMessage | undefined;
export function toDockerMessage(progress: Progress): DockerMessage | undefined {
  if (progress.kind === "plan" || progress.kind === "summary") return undefined;
  const { id } = progress;
  if (progress.kind === "message") return { status: progress.message, ...(id !== "" && { id }) };
  const { action: status, currentBytes: current, totalBytes: total, entries } = progress;
  if (current === 0 && total === 0) return { status, progressDetail: {}, id };
  const progressDetail = {
    ...(current > 0 && { current }),
    ...(total > 0 && { total }),
    ...(entries !== undefined && { entries }),
  };
  return { status, progressDetail, id };
}
