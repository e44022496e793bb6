import { describe, expect, it } from "vitest";
import { message, type StepProgress, update } from "../../src/progress/progress.ts";
import { throttleProgress } from "../../src/progress/progress-throttle.ts";
import { ManualClock } from "../xfer/manual-clock.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function throttled(): {
  sink: (progress: StepProgress) => void;
  clock: ManualClock;
  seen: StepProgress[];
  bytes: () => number[];
} {
  const clock = new ManualClock();
  const seen: StepProgress[] = [];
  const sink = throttleProgress((progress) => void seen.push(progress), clock);
  const bytes = (): number[] =>
    seen.map((progress) => (progress.kind === "update" ? progress.currentBytes : -1));
  return { sink, clock, seen, bytes };
}

describe("throttleProgress()", () => {
  it("passes the first update and the complete one, whatever the step and the time", () => {
    const { sink, bytes } = throttled();
    for (const current of [0, 1, 2, 999, 1_000]) sink(update("a", "Downloading", current, 1_000));
    expect(bytes()).toEqual([0, 1_000]);
  });

  it("wants more than 1 % of a small object", async () => {
    const { sink, clock, bytes } = throttled();
    const total = 10_000;
    sink(update("a", "Downloading", 0, total));
    await clock.advance(100);
    sink(update("a", "Downloading", 100, total));
    sink(update("a", "Downloading", 101, total));
    expect(bytes()).toEqual([0, 101]);
  });

  it.each([
    ["a large", 1_024 * MIB],
    ["an unknown", 0],
  ])("wants more than 512 KiB of %s size", async (_name, total) => {
    const { sink, clock, bytes } = throttled();
    sink(update("a", "Downloading", 0, total));
    await clock.advance(100);
    sink(update("a", "Downloading", 512 * KIB, total));
    sink(update("a", "Downloading", 512 * KIB + 1, total));
    expect(bytes()).toEqual([0, 512 * KIB + 1]);
  });

  it("passes at most one per 100 ms", async () => {
    const { sink, clock, bytes } = throttled();
    for (let i = 0; i < 10; i++) {
      sink(update("a", "Downloading", i * MIB, 100 * MIB));
      await clock.advance(30);
    }
    expect(bytes().map((current) => current / MIB)).toEqual([0, 4, 8]);
  });

  it("shows what it withheld before another action, so the last update of each is seen", () => {
    const { sink, seen } = throttled();
    const items = [
      update("a", "Downloading", 0, 0),
      update("a", "Downloading", 5, 0),
      update("a", "Downloading", 7, 0),
      update("a", "Verifying Checksum", 0, 0),
      update("a", "Verifying Checksum", 1, 0),
      message("a", "done"),
    ] as const;
    for (const item of items) sink(item);
    expect(seen).toEqual(items.toSpliced(1, 1));
  });

  it("passes a step back at once, and does not show what was withheld before it", () => {
    const { sink, bytes } = throttled();
    for (const current of [500, 501, 0, 1]) sink(update("a", "Downloading", current, 1_000));
    expect(bytes()).toEqual([500, 0]);
  });

  it("never drops a message", () => {
    const { sink, seen } = throttled();
    for (let i = 0; i < 5; i++) sink(message("a", "same"));
    expect(seen).toHaveLength(5);
  });
});
