import { describe, expect, it } from "vitest";
import { countDown } from "../../src/async/count-down.ts";
import { plainWaiter } from "../../src/async/waiting.ts";
import { ErrCanceled } from "../../src/errors/classes.ts";
import { stateOf } from "../xfer/flush.ts";
import { ManualClock } from "../xfer/manual-clock.ts";

function start(
  delayMs: number,
  signal?: AbortSignal,
): { clock: ManualClock; shown: string[]; end: Promise<void> } {
  const clock = new ManualClock();
  const shown: string[] = [];
  const waiter = plainWaiter({ signal, show: ({ words }) => shown.push(words) });
  return { clock, shown, end: countDown(delayMs, { waiter, clock }) };
}

describe("countDown()", () => {
  it("shows the full delay at once and each second after it, the last one in the singular", async () => {
    const { clock, shown, end } = start(3_000);
    expect(shown).toEqual(["Retrying in 3 seconds"]);
    await clock.advance(1_000);
    expect(shown.at(-1)).toBe("Retrying in 2 seconds");
    await clock.advance(1_000);
    expect(shown.at(-1)).toBe("Retrying in 1 second");
    expect(await stateOf(end)).toBe("pending");
    await clock.advance(1_000);
    await end;
    expect(shown).toHaveLength(3);
  });

  it("waits exactly the delay when it is no whole number of seconds", async () => {
    const { clock, shown, end } = start(2_300);
    expect(shown).toEqual(["Retrying in 3 seconds"]);
    await clock.advance(300);
    expect(shown.at(-1)).toBe("Retrying in 2 seconds");
    await clock.advance(1_999);
    expect(await stateOf(end)).toBe("pending");
    await clock.advance(1);
    await end;
    expect(shown.at(-1)).toBe("Retrying in 1 second");
  });

  it("shows nothing and does not wait for no delay", async () => {
    const { shown, end } = start(0);
    await end;
    expect(shown).toEqual([]);
  });

  it("rejects when the signal fires", async () => {
    const abort = new AbortController();
    const { clock, end } = start(5_000, abort.signal);
    await clock.advance(1_000);
    abort.abort();
    await expect(end).rejects.toThrow(ErrCanceled);
    expect(clock.sleeping).toBe(0);
  });
});
