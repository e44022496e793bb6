import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { guardSink } from "../../src/progress/guard-sink.ts";
import { message, type Progress, update } from "../../src/progress/progress.ts";
import { until } from "../distribution/support/until.ts";

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
    expect(calls).toBe(1);
    expect(warnings).toHaveLength(1);
  });

  it("calls a slow sink once at a time, with all messages and the newest update of each object", async () => {
    const seen: Progress[] = [];
    const calls: Array<() => void> = [];
    const slow = (progress: Progress): unknown => {
      seen.push(progress);
      return new Promise<void>((resolve) => void calls.push(resolve));
    };
    const sink = guardSink(slow);
    const later = [
      update("a", "Downloading", 1, 9),
      message("", "first"),
      update("b", "Downloading", 1, 9),
      update("a", "Downloading", 2, 9),
      message("", "second"),
    ];
    sink(item);
    for (const progress of later) sink(progress);
    expect(seen).toEqual([item]);
    for (let call = 0; call < 5; call++) {
      calls[call]?.();
      await warned();
    }
    expect(seen).toEqual([item, later[1], later[2], later[3], later[4]]);
    sink(item);
    expect(seen).toHaveLength(6);
  });

  it("bounds what waits for a sink that is stuck", async () => {
    const seen: Progress[] = [];
    const stuck = Promise.withResolvers<void>();
    const slow = (progress: Progress): unknown => (seen.push(progress) === 1 ? stuck.promise : undefined);
    const sink = guardSink(slow);
    sink(item);
    for (let line = 0; line < 1_500; line++) sink(message("", String(line)));
    stuck.resolve();
    await warned();
    await until(() => seen.length > 1_000);
    expect(seen).toHaveLength(1_001);
    expect(seen.at(-1)).toEqual(message("", "1499"));
  });
});
