import type {
  PlanProgress,
  ProgressSink,
  StepProgress,
  SummaryProgress,
  UpdateProgress,
} from "../../../src/index.ts";

/** What a log keeps. */
export interface StatusLogOptions {
  /** Also waits for answers: where a machine is busy, any answer may be so long in coming that it is waited for. */
  readonly slowAnswers?: boolean | undefined;
}

/** Keeps what a pull tells. */
export interface StatusLog {
  readonly sink: ProgressSink;
  readonly progress: readonly StepProgress[];
  /** Plans, oldest first. */
  readonly plans: readonly PlanProgress[];
  /** Summaries, oldest first. */
  readonly summaries: readonly SummaryProgress[];
  /** Steps in which a content waited. */
  waits(): readonly UpdateProgress[];
  /** The lines that docker prints: one per message, one per run of updates with the same action. */
  lines(): readonly string[];
  /** The actions of one object, in order. */
  actions(id: string): readonly string[];
}

/** What somebody waits for who has asked. */
const ANSWERS: ReadonlySet<string | undefined> = new Set(["host", "credentials", "authorization"]);

/** Starts a log. */
export function statusLog({ slowAnswers = false }: StatusLogOptions = {}): StatusLog {
  const progress: StepProgress[] = [];
  const plans: PlanProgress[] = [];
  const summaries: SummaryProgress[] = [];
  return {
    progress,
    plans,
    summaries,
    sink: (item) => {
      if (item.kind === "plan") plans.push(item);
      else if (item.kind === "summary") summaries.push(item);
      else if (slowAnswers || item.kind !== "update" || !ANSWERS.has(item.reason)) progress.push(item);
    },
    waits: () =>
      progress.flatMap((item) => (item.kind === "update" && item.phase === "waiting" ? [item] : [])),
    lines: () => withoutRepeats(progress.map(lineOf)),
    actions: (id) =>
      withoutRepeats(progress.filter((item) => item.kind === "update" && item.id === id).map(textOf)),
  };
}

function lineOf(item: StepProgress): string {
  return item.id === "" ? textOf(item) : `${item.id}: ${textOf(item)}`;
}

function textOf(item: StepProgress): string {
  return item.kind === "message" ? item.message : item.action;
}

function withoutRepeats(lines: readonly string[]): readonly string[] {
  return lines.filter((line, at) => line !== lines[at - 1]);
}
