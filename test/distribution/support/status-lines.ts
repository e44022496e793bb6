import type { Progress, ProgressSink } from "../../../src/index.ts";

/** Keeps what a pull tells. */
export interface StatusLog {
  readonly sink: ProgressSink;
  readonly progress: readonly Progress[];
  /** The lines that docker prints: one per message, one per run of updates with the same action. */
  lines(): readonly string[];
  /** The actions of one object, in order. */
  actions(id: string): readonly string[];
}

/** Starts a log. */
export function statusLog(): StatusLog {
  const progress: Progress[] = [];
  return {
    progress,
    sink: (item) => {
      progress.push(item);
    },
    lines: () => withoutRepeats(progress.map(lineOf)),
    actions: (id) =>
      withoutRepeats(progress.filter((item) => item.kind === "update" && item.id === id).map(textOf)),
  };
}

function lineOf(item: Progress): string {
  return item.id === "" ? textOf(item) : `${item.id}: ${textOf(item)}`;
}

function textOf(item: Progress): string {
  return item.kind === "message" ? item.message : item.action;
}

function withoutRepeats(lines: readonly string[]): readonly string[] {
  return lines.filter((line, at) => line !== lines[at - 1]);
}
