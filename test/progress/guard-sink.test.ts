import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { guardSink } from "../../src/progress/guard-sink.ts";
import { message, type Progress } from "../../src/progress/progress.ts";

const item = message("id", "text");
let warnings: Error[];
const note = (warning: Error): void => void warnings.push(warning);
const warned = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

beforeEach(() => {
  warnings = [];
  process.on("warning", note);
});

afterEach(() => {
  process.off("warning", note);
});

describe("guardSink()", () => {
  it("passes everything on while the sink works", () => {
    const seen: Progress[] = [];
    const sink = guardSink((progress) => void seen.push(progress));
    sink(item);
    sink(item);
    expect(seen).toEqual([item, item]);
  });

  it("drops a sink that throws, and warns once", async () => {
    let calls = 0;
    const sink = guardSink(() => {
      calls++;
      throw new Error("client is gone");
    });
    sink(item);
    sink(item);
    await warned();
    expect(calls).toBe(1);
    expect(warnings.map((warning) => warning.name)).toEqual(["DrayageProgressWarning"]);
  });

  it("drops an async function that rejects, and warns once however many calls were under way", async () => {
    let calls = 0;
    const rejecting = (): unknown => {
      calls++;
      return Promise.reject(new Error("client is gone"));
    };
    const sink = guardSink(rejecting);
    sink(item);
    sink(item);
    await warned();
    sink(item);
    expect(calls).toBe(2);
    expect(warnings).toHaveLength(1);
  });
});
