import type { Progress } from "../../index.ts";
import { BAR_WIDTH, formatBar } from "./bar.ts";
import { DEFAULT_COLUMNS, LiveLines } from "./live-lines.ts";
import type { Reporter } from "./reporter.ts";

/** Least time between two frames, in milliseconds: faster than the eye follows only costs the terminal. */
const FRAME_INTERVAL_MS = 80;

/** Room for everything of a line that is not the bar: id, action and sizes. */
const TEXT_COLUMNS = 48;

interface Line {
  text: string;
  settled: boolean;
}

const SETTLED: ReadonlySet<string> = new Set(["Pull complete", "Already exists", "Download complete"]);

/**
 * One live line per layer, redrawn in place. When there are more layers than rows, those that still move are shown and the
 * rest are counted; the whole list stays on the terminal at the end.
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
    if (progress.kind === "message" && progress.id === "") this.#tail.push(progress.message);
    else this.#lines.set(progress.id, this.#lineOf(progress));
    this.#timer ??= setTimeout(() => this.#frame(), FRAME_INTERVAL_MS);
  }

  fail(): void {}

  finish(): void {
    clearTimeout(this.#timer);
    this.#live.clear();
    for (const line of this.#allLines()) this.#stream.write(`${line}\n`);
  }

  #frame(): void {
    this.#timer = undefined;
    const rows = Math.max(1, (this.#stream.rows ?? 24) - 2);
    const all = this.#allLines();
    this.#live.draw(all.length <= rows ? all : this.#movingLines(rows));
  }

  #allLines(): string[] {
    return [...[...this.#lines.values()].map(({ text }) => text), ...this.#tail];
  }

  #movingLines(rows: number): string[] {
    const moving = [...this.#lines.values()].filter(({ settled }) => !settled);
    const shown = moving.slice(0, Math.max(0, rows - 1)).map(({ text }) => text);
    return [
      ...shown,
      `... ${this.#lines.size - shown.length} more, ${this.#lines.size - moving.length} complete`,
    ];
  }

  #lineOf(progress: Progress): Line {
    if (progress.kind === "message") return { text: `${progress.id}: ${progress.message}`, settled: true };
    const { id, action, currentBytes, totalBytes } = progress;
    const columns = (this.#stream.columns || DEFAULT_COLUMNS) - TEXT_COLUMNS;
    const bar = totalBytes > 0 ? ` ${formatBar(currentBytes, totalBytes, Math.min(BAR_WIDTH, columns))}` : "";
    return { text: `${id}: ${action}${bar}`, settled: SETTLED.has(action) };
  }
}
