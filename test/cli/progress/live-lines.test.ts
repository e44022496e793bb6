import { describe, expect, it } from "vitest";
import { LiveLines } from "../../../src/cli/progress/live-lines.ts";
import { textWidth } from "../../../src/cli/progress/text-width.ts";

/** As much of a terminal as the lines need: text that wraps, the cursor going up, clearing. */
class Terminal {
  columns: number;
  readonly rows: string[] = [""];
  #row = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): boolean {
    const [plain = "", ...sequences] = text.split("\x1b");
    for (const character of plain) this.#take(character);
    for (const sequence of sequences) {
      const [, code = "", rest = ""] = /^(\[\d*[AKJ])(.*)$/su.exec(sequence) ?? [];
      this.#take(`\x1b${code}`);
      for (const character of rest) this.#take(character);
    }
    return true;
  }

  /** What stands on the screen, without the empty row of the cursor. */
  text(): string[] {
    return this.rows.slice(0, -1);
  }

  /** As terminals do: what was on one row comes to stand on several. */
  narrow(columns: number): void {
    this.columns = columns;
    const rows = this.rows.flatMap((row) => row.match(new RegExp(`.{1,${columns}}`, "gu")) ?? [""]);
    this.rows.splice(0, Infinity, ...rows);
    this.#row = rows.length - 1;
  }

  #take(part: string): void {
    if (part.endsWith("A") && part.startsWith("\x1b")) this.#row -= Number(part.slice(2, -1));
    else if (part === "\x1b[J") this.rows.splice(this.#row, Infinity, "");
    else if (part === "\n") this.#down();
    else if (part === "\r") this.#overwrite = true;
    else if (part !== "\x1b[K") this.#print(part);
  }

  #overwrite = false;

  #print(character: string): void {
    if (this.#overwrite) this.rows[this.#row] = "";
    this.#overwrite = false;
    if (textWidth(`${this.rows[this.#row]}${character}`) > this.columns) this.#down();
    this.rows[this.#row] += character;
  }

  #down(): void {
    this.#row++;
    this.#overwrite = true;
    if (this.#row === this.rows.length) this.rows.push("");
  }
}

describe("LiveLines", () => {
  it("draws lines in the place of those before, more or fewer", () => {
    const terminal = new Terminal(20);
    terminal.write("$ command\n");
    const lines = new LiveLines(terminal);
    lines.draw(["one", "two"]);
    lines.draw(["one is longer", "two", "three"]);
    expect(terminal.text()).toEqual(["$ command", "one is longer", "two", "three"]);
    lines.draw(["three"]);
    expect(terminal.text()).toEqual(["$ command", "three"]);
  });

  it("leaves nothing when it is cleared, and draws below what came then", () => {
    const terminal = new Terminal(20);
    const lines = new LiveLines(terminal);
    lines.draw(["one", "two"]);
    lines.clear();
    lines.clear();
    terminal.write("done\n");
    lines.draw(["three"]);
    expect(terminal.text()).toEqual(["done", "three"]);
  });

  it.each([
    ["plain text", "a line that is longer", "a line tha"],
    ["wide characters", "層層層層層層", "層層層層層"],
    ["a wide character across the edge", "a層層層層層", "a層層層層"],
    ["marks and emoji", "e\u0301🚀 and more", "e\u0301🚀 and mo"],
  ])("cuts %s to the width of the terminal, so that no line wraps", (_, text, cut) => {
    const terminal = new Terminal(10);
    const lines = new LiveLines(terminal);
    lines.draw([text, "next"]);
    lines.draw([text, "next"]);
    expect(terminal.text()).toEqual([cut, "next"]);
  });

  it("finds its lines again on a terminal that became narrower", () => {
    const terminal = new Terminal(20);
    terminal.write("$ command\n");
    const lines = new LiveLines(terminal);
    lines.draw(["twelve long.", "x"]);
    terminal.narrow(9);
    lines.draw(["after"]);
    expect(terminal.text()).toEqual(["$ command", "after"]);
  });
});
