import { cachedDataVersionTag, setFlagsFromString } from "node:v8";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Optimizing, optimizeLater } from "../../src/cli/optimize-later.ts";

let optimizing: Optimizing;
let before: number;

beforeEach(() => {
  vi.useFakeTimers();
  before = cachedDataVersionTag();
  optimizing = optimizeLater();
});

afterEach(() => {
  optimizing.resume();
  vi.useRealTimers();
});

function fail(): never {
  throw new Error(String(cachedDataVersionTag()));
}

/** V8's flags with the compilers off, as it tells them. */
function withoutCompilers(): number {
  for (const flag of ["--no-opt", "--no-maglev"]) setFlagsFromString(flag);
  const tag = cachedDataVersionTag();
  for (const flag of ["--opt", "--maglev"]) setFlagsFromString(flag);
  return tag;
}

describe("optimizeLater()", () => {
  it("has the compilers wait when a command has loaded what it uses, and no longer than a second", () => {
    const off = withoutCompilers();
    expect(off).not.toBe(before);
    expect(cachedDataVersionTag()).toBe(before);
    vi.advanceTimersByTime(80);
    expect(cachedDataVersionTag()).toBe(off);
    vi.advanceTimersByTime(999);
    expect(cachedDataVersionTag()).toBe(off);
    vi.advanceTimersByTime(1);
    expect(cachedDataVersionTag()).toBe(before);
  });

  it("has the flags as they were while code that was kept is taken, also where that fails", () => {
    vi.advanceTimersByTime(80);
    const off = cachedDataVersionTag();
    expect(optimizing.asBefore(cachedDataVersionTag)).toBe(before);
    expect(cachedDataVersionTag()).toBe(off);
    expect(() => optimizing.asBefore(fail)).toThrow(String(before));
    expect(cachedDataVersionTag()).toBe(off);
  });

  it("changes nothing in a command that has ended before, nor after it was told to resume", () => {
    optimizing.resume();
    vi.advanceTimersByTime(2_000);
    expect(optimizing.asBefore(cachedDataVersionTag)).toBe(before);
    expect(cachedDataVersionTag()).toBe(before);
  });

  it("leaves a compiler off that Node.js was started without", () => {
    setFlagsFromString("--no-maglev");
    try {
      const given = cachedDataVersionTag();
      vi.advanceTimersByTime(80);
      expect(cachedDataVersionTag()).not.toBe(given);
      optimizing.resume();
      expect(cachedDataVersionTag()).toBe(given);
    } finally {
      setFlagsFromString("--maglev");
    }
  });
});
