import { clipText, textWidth } from "./text-width.ts";

/** Columns of a terminal that does not tell how many it has. */
export const DEFAULT_COLUMNS = 80;

/** What a terminal is told (ECMA-48): go up so many rows, clear from the cursor to the end of the line or of the screen. */
const up = (rows: number): string => (rows > 0 ? `\x1b[${rows}A` : "");
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** The part of a terminal that is drawn on. */
export type LineTerminal = Pick<NodeJS.WriteStream, "write" | "columns">;

/**
 * Lines at the end of a terminal's text that are drawn again in place. Each takes one row: what does not fit is cut
 * off, because a line that wraps could not be found again.
 */
export class LiveLines {
  readonly #terminal: LineTerminal;
  #drawn: readonly string[] = [];

  constructor(terminal: LineTerminal) {
    this.#terminal = terminal;
  }

  /** Shows these lines in the place of those drawn before. */
  draw(lines: readonly string[]): void {
    const columns = this.#columns();
    const clipped = lines.map((line) => clipText(line, columns));
    const text = clipped.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    this.#terminal.write(`${this.#toStart()}${text}${CLEAR_BELOW}`);
    this.#drawn = clipped;
  }

  /** Takes the lines off the terminal; the next text comes where they were. */
  clear(): void {
    if (this.#drawn.length > 0) this.#terminal.write(`${this.#toStart()}${CLEAR_BELOW}`);
    this.#drawn = [];
  }

  /** A terminal that became narrower since has wrapped what was drawn. */
  #toStart(): string {
    const columns = this.#columns();
    const rows = this.#drawn.map((line) => Math.max(1, Math.ceil(textWidth(line) / columns)));
    return `\r${up(rows.reduce((sum, count) => sum + count, 0))}`;
  }

  /** A terminal of no columns does not know how many it has. */
  #columns(): number {
    return this.#terminal.columns || DEFAULT_COLUMNS;
  }
}
