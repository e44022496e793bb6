import type { Progress, StepProgress, SummaryProgress } from "../../index.ts";
import { writeLines } from "../output.ts";
import { terminalText } from "../terminal-text.ts";
import { BAR_WIDTH, formatBar } from "./bar.ts";
import { formatSummary } from "./format-summary.ts";
import { DEFAULT_COLUMNS, LiveLines } from "./live-lines.ts";
import type { Reporter } from "./reporter.ts";

/** Least time between two frames, in milliseconds: faster than the eye follows only costs the terminal. */
const FRAME_INTERVAL_MS = 80;

/** Room for everything of a line that is not the bar: id, action and sizes. */
const TEXT_COLUMNS = 48;

/** Rows of a terminal that does not tell how many it has. */
const DEFAULT_ROWS = 24;

/** How much a line deserves one of few rows. */
type State = "moving" | "waiting" | "settled";

interface Line {
  readonly text: string;
  readonly state: State;
}

/**
 * One live line per layer, redrawn in place. When there are more layers than rows, those that move bytes are shown before those
 * that wait, and the rest are counted; the whole list stays on the terminal at the end. Below it all are one line more, as long as
 * there is something to come.
 */
export class BarsReporter implements Reporter {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: LiveLines;
  readonly #lines = new Map<string, Line>();
  readonly #tail: string[] = [];
  #summary: SummaryProgress | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#live = new LiveLines(stream);
  }

  report(progress: Progress): void {
    if (progress.kind === "plan") return; // its summary follows
    if (progress.kind === "summary") this.#summary = progress;
    else if (progress.kind === "message" && progress.id === "")
      this.#tail.push(terminalText(progress.message));
    else this.#lines.set(progress.id, this.#lineOf(progress));
    this.#timer ??= setTimeout(() => this.#frame(), FRAME_INTERVAL_MS);
  }

  fail(): void {}

  facts(): void {}

  finish(): void {
    clearTimeout(this.#timer);
    this.#live.clear();
    writeLines(this.#stream, this.#allLines());
  }

  #frame(): void {
    this.#timer = undefined;
    const overall = this.#overall();
    const rows = Math.max(1, (this.#stream.rows || DEFAULT_ROWS) - 2 - overall.length);
    const all = this.#allLines();
    this.#live.draw([...(all.length <= rows ? all : this.#chosenLines(rows)), ...overall]);
  }

  #allLines(): string[] {
    return [...[...this.#lines.values()].map(({ text }) => text), ...this.#tail];
  }

  #chosenLines(rows: number): string[] {
    const lines = [...this.#lines.values()];
    const inState = (state: State): readonly Line[] => lines.filter((line) => line.state === state);
    const open = [...inState("moving"), ...inState("waiting")];
    const shown = open.slice(0, rows - 1).map(({ text }) => text);
    return [...shown, `... ${lines.length - shown.length} more, ${lines.length - open.length} complete`];
  }

  /** The line about the whole: none where nothing is to come. */
  #overall(): readonly string[] {
    const summary = this.#summary;
    return summary && summary.bytesDone < summary.bytesTotal
      ? [formatSummary(summary, this.#barWidth())]
      : [];
  }

  #barWidth(): number {
    return Math.min(BAR_WIDTH, (this.#stream.columns || DEFAULT_COLUMNS) - TEXT_COLUMNS);
  }

  #lineOf(progress: StepProgress): Line {
    if (progress.kind === "message") {
      return { text: terminalText(`${progress.id}: ${progress.message}`), state: "settled" };
    }
    const { id, action, phase, currentBytes, totalBytes, entries } = progress;
    const text = terminalText(`${id}: ${action}`);
    if (phase === "done" || phase === "downloaded") return { text, state: "settled" };
    if (totalBytes <= 0 && currentBytes <= 0) return { text, state: "waiting" };
    const bar = formatBar(currentBytes, totalBytes, this.#barWidth());
    const count = entries === undefined ? "" : ` ${entries} ${entries === 1 ? "entry" : "entries"}`;
    return { text: `${text} ${bar}${count}`, state: "moving" };
  }
}
