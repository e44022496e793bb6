import { cachedDataVersionTag, setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type BriefRun, beginBriefRun } from "../../src/cli/brief-run.ts";

let run: BriefRun;
let before: number;

beforeEach(() => {
  vi.useFakeTimers();
  before = cachedDataVersionTag();
  run = beginBriefRun();
});

afterEach(() => {
  run.end();
  vi.useRealTimers();
});

function fail(): never {
  throw new Error(String(cachedDataVersionTag()));
}

/** What V8 is told in a brief run, and what it is told afterwards. */
const FLAGS = [
  ["--no-opt", "--opt"],
  ["--no-maglev", "--maglev"],
  ["--no-incremental-marking", "--incremental-marking"],
  ["--no-parallel-scavenge", "--parallel-scavenge"],
] as const;

/** V8's flags as they are in a brief run, as it tells them. */
function whenBrief(): number {
  for (const [brief] of FLAGS) setFlagsFromString(brief);
  const tag = cachedDataVersionTag();
  for (const [, usual] of FLAGS) setFlagsFromString(usual);
  return tag;
}

describe("beginBriefRun()", () => {
  it("tells V8 when a command has loaded what it uses, for no longer than two seconds", () => {
    const brief = whenBrief();
    expect(brief).not.toBe(before);
    expect(cachedDataVersionTag()).toBe(before);
    vi.advanceTimersByTime(80);
    expect(cachedDataVersionTag()).toBe(brief);
    vi.advanceTimersByTime(1_999);
    expect(cachedDataVersionTag()).toBe(brief);
    vi.advanceTimersByTime(1);
    expect(cachedDataVersionTag()).toBe(before);
  });

  it("has the flags as they were while code that was kept is taken, also where that fails", () => {
    vi.advanceTimersByTime(80);
    const brief = cachedDataVersionTag();
    expect(run.asBefore(cachedDataVersionTag)).toBe(before);
    expect(cachedDataVersionTag()).toBe(brief);
    expect(() => run.asBefore(fail)).toThrow(String(before));
    expect(cachedDataVersionTag()).toBe(brief);
  });

  it("has the flags as they were while a thread loads what it uses", async () => {
    vi.advanceTimersByTime(80);
    const brief = cachedDataVersionTag();
    const threads = [new Worker("", { eval: true })];
    expect(cachedDataVersionTag()).toBe(before);
    vi.advanceTimersByTime(200);
    threads.push(new Worker("", { eval: true }));
    vi.advanceTimersByTime(249);
    expect(run.asBefore(cachedDataVersionTag)).toBe(before);
    expect(cachedDataVersionTag()).toBe(before);
    vi.advanceTimersByTime(1);
    expect(cachedDataVersionTag()).toBe(brief);
    await Promise.all(threads.map((thread) => thread.terminate()));
  });

  it("does not begin while a thread loads what it uses, and ends meanwhile", async () => {
    const thread = new Worker("", { eval: true });
    vi.advanceTimersByTime(249);
    expect(cachedDataVersionTag()).toBe(before);
    vi.advanceTimersByTime(1);
    expect(cachedDataVersionTag()).not.toBe(before);
    const other = new Worker("", { eval: true });
    run.end();
    vi.advanceTimersByTime(5_000);
    expect(cachedDataVersionTag()).toBe(before);
    await Promise.all([thread.terminate(), other.terminate()]);
  });

  it("changes nothing in a command that has ended before, nor after it was told that it is not brief", () => {
    run.end();
    vi.advanceTimersByTime(5_000);
    expect(run.asBefore(cachedDataVersionTag)).toBe(before);
    expect(cachedDataVersionTag()).toBe(before);
  });

  it("leaves a compiler off that Node.js was started without", () => {
    setFlagsFromString("--no-maglev");
    try {
      const given = cachedDataVersionTag();
      vi.advanceTimersByTime(80);
      expect(cachedDataVersionTag()).not.toBe(given);
      run.end();
      expect(cachedDataVersionTag()).toBe(given);
    } finally {
      setFlagsFromString("--maglev");
    }
  });
});
