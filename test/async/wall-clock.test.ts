import { afterEach, describe, expect, it, vi } from "vitest";
import { nowNs } from "../../src/async/wall-clock.ts";

const NS_PER_MS = 1_000_000n;

afterEach(() => {
  vi.restoreAllMocks();
});

describe("nowNs()", () => {
  it("lies in the millisecond that Date.now() shows", () => {
    for (let round = 0; round < 2_000; round++) {
      const before = BigInt(Date.now()) * NS_PER_MS;
      const now = nowNs();
      const after = BigInt(Date.now()) * NS_PER_MS;
      expect(now).toBeGreaterThanOrEqual(before);
      expect(now).toBeLessThan(after + NS_PER_MS);
    }
  });

  it("tells moments apart that Date.now() does not", () => {
    const times = Array.from({ length: 1_000 }, () => nowNs());
    expect(new Set(times).size).toBeGreaterThan(500);
    const milliseconds = new Set(times.map((timeNs) => timeNs / NS_PER_MS));
    expect(milliseconds.size).toBeLessThan(500);
  });

  it.each([-86_400_000, -2, 2, 86_400_000])("follows when the machine's clock is set by %d ms", (shiftMs) => {
    const read = Date.now.bind(Date);
    const spy = vi.spyOn(Date, "now").mockImplementation(() => read() + shiftMs);
    const before = BigInt(Date.now()) * NS_PER_MS;
    const now = nowNs();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThan(BigInt(Date.now() + 1) * NS_PER_MS);

    spy.mockRestore();
    const back = nowNs();
    expect(back).toBeLessThan(BigInt(Date.now() + 1) * NS_PER_MS);
  });
});
