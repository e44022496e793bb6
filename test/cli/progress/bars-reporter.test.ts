import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BarsReporter } from "../../../src/cli/progress/bars-reporter.ts";
import { textWidth } from "../../../src/cli/progress/text-width.ts";
import { message, update } from "../../../src/progress/progress.ts";

/** Characters of a control sequence do not take room. */
const SEQUENCE = new RegExp(`${String.fromCharCode(27)}\\[\\d*[AKJ]`, "g");

function terminalOf(rows: number, columns: number) {
  const frames: string[] = [];
  const write = (text: string): boolean => {
    frames.push(text);
    return true;
  };
  const stream = { write, rows, columns, isTTY: true } as unknown as NodeJS.WriteStream;
  /** The rows that the next frame shows. */
  const frame = (): readonly string[] => {
    frames.length = 0;
    vi.runAllTimers();
    return frames.join("").replaceAll("\r", "").replaceAll(SEQUENCE, "").trimEnd().split("\n");
  };
  return { reporter: new BarsReporter(stream), frame, frames };
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("BarsReporter", () => {
  it.each(["Pushed", "Layer already exists", "Mounted from team/app", "Pull complete", "Load complete"])(
    "makes room for the layers that move when others are at %j",
    (last) => {
      const { reporter, frame } = terminalOf(8, 100);
      for (let at = 0; at < 10; at++) reporter.report(update(`done${at}`, last, 0, 0));
      for (const id of ["moves1", "moves2"]) reporter.report(update(id, "Pushing", 5, 10));
      const rows = frame();
      expect(rows.filter((row) => row.startsWith("moves"))).toHaveLength(2);
      expect(rows.at(-1)).toBe("... 10 more, 10 complete");
    },
  );

  it("shows layers that move bytes before those that wait", () => {
    const { reporter, frame } = terminalOf(5, 100);
    for (let at = 0; at < 6; at++) reporter.report(update(`wait${at}`, "Waiting", 0, 0));
    reporter.report(update("moves", "Downloading", 5, 10));
    expect(frame()).toEqual([
      expect.stringMatching(/^moves: Downloading \[=/),
      "wait0: Waiting",
      "... 5 more, 0 complete",
    ]);
  });

  it("counts the entries of a layer that is extracted", () => {
    const { reporter, frame } = terminalOf(5, 100);
    reporter.report({ ...update("layer1", "Extracting", 5, 10), entries: 1 });
    reporter.report({ ...update("layer2", "Extracting", 5, 10), entries: 812 });
    expect(frame()).toEqual([expect.stringMatching(/B 1 entry$/), expect.stringMatching(/B 812 entries$/)]);
  });

  it.each([20, 40, 56, 80, 200])("needs one row for each line on a terminal of %i columns", (columns) => {
    const { reporter, frame } = terminalOf(24, columns);
    reporter.report(update("0123456789ab", "Verifying Checksum", 123_456_789, 234_567_890));
    reporter.report(update("ba9876543210", "Retrying in 10 seconds", 0, 0));
    expect(
      frame()
        .map(textWidth)
        .filter((width) => width > columns),
    ).toEqual([]);
  });

  it("shows what strangers wrote escaped, while it runs and at the end", () => {
    const { reporter, frame, frames } = terminalOf(24, 100);
    reporter.report(update("layer", "\u001b]0;x\u0007", 0, 0));
    reporter.report(message("", "two\nlines \u009b31m"));
    expect(frame()).toEqual(["layer: \\x1b]0;x\\x07", "two\\nlines \\x9b31m"]);
    frames.length = 0;
    reporter.finish();
    expect(frames.slice(1).join("")).toBe("layer: \\x1b]0;x\\x07\ntwo\\nlines \\x9b31m\n");
  });
});
