import { afterEach, describe, expect, it, vi } from "vitest";
import { nowNs } from "../../src/async/wall-clock.ts";

const NS_PER_MS = 1_000_000n;

afterEach(() => {
  vi.restoreAllMocks();
});

/** The time is in a millisecond that `Date.now()` shows around it. */
function expectNow(): void {
  const before = BigInt(Date.now()) * NS_PER_MS;
  const now = nowNs();
  const after = BigInt(Date.now() + 1) * NS_PER_MS;
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThan(after);
}

describe("nowNs()", () => {
  it("lies in the millisecond that Date.now() shows", () => {
    for (let round = 0; round < 2_000; round++) expectNow();
  });

  it("tells moments apart that Date.now() does not", () => {
    nowNs(); // measures, when another test has set the clock
    const times = Array.from({ length: 1_000 }, () => nowNs());
    const milliseconds = new Set(times.map((timeNs) => timeNs / NS_PER_MS));
    expect(new Set(times).size).toBeGreaterThan(milliseconds.size);
  });

  it.each([-86_400_000, -2, 2, 86_400_000])("follows when the machine's clock is set by %d ms", (shiftMs) => {
    expectNow();
    const read = Date.now.bind(Date);
    const spy = vi.spyOn(Date, "now").mockImplementation(() => read() + shiftMs);
    for (let round = 0; round < 100; round++) expectNow();
    spy.mockRestore();
    for (let round = 0; round < 100; round++) expectNow();
  });

  it("ends while Date.now() stands still", () => {
    vi.spyOn(Date, "now").mockReturnValue(1_000);
    expect(nowNs() / NS_PER_MS).toBeGreaterThanOrEqual(1_000n);
    vi.restoreAllMocks();
    expectNow();
  });
});
