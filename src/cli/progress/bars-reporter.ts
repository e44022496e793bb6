import type { Progress } from "../../index.ts";
import { writeLines } from "../output.ts";
import { terminalText } from "../terminal-text.ts";
import { BAR_WIDTH, formatBar } from "./bar.ts";
import { DEFAULT_COLUMNS, LiveLines } from "./live-lines.ts";
import type { Reporter } from "./reporter.ts";
import { isSettled } from "./settled.ts";

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
 * that wait, and the rest are counted; the whole list stays on the terminal at the end.
 */
export class BarsReporter implements Reporter {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: LiveLines;
  readonly #lines = new Map<string, Line>();
  readonly #tail: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#live = new LiveLines(stream);
  }

  report(progress: Progress): void {
    if (progress.kind === "message" && progress.id === "") this.#tail.push(terminalText(progress.message));
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
    const rows = Math.max(1, (this.#stream.rows || DEFAULT_ROWS) - 2);
    const all = this.#allLines();
    this.#live.draw(all.length <= rows ? all : this.#chosenLines(rows));
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

  #lineOf(progress: Progress): Line {
    if (progress.kind === "message") {
      return { text: terminalText(`${progress.id}: ${progress.message}`), state: "settled" };
    }
    const { id, action, currentBytes, totalBytes, entries } = progress;
    const text = terminalText(`${id}: ${action}`);
    if (isSettled(action)) return { text, state: "settled" };
    if (totalBytes <= 0 && currentBytes <= 0) return { text, state: "waiting" };
    const columns = (this.#stream.columns || DEFAULT_COLUMNS) - TEXT_COLUMNS;
    const bar = formatBar(currentBytes, totalBytes, Math.min(BAR_WIDTH, columns));
    const count = entries === undefined ? "" : ` ${entries} ${entries === 1 ? "entry" : "entries"}`;
    return { text: `${text} ${bar}${count}`, state: "moving" };
  }
}
