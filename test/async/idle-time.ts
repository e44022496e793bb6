import { performance as machine } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { vi } from "vitest";

/** Turns of the event loop without any event after which nothing is on its way any more, in this process and to it. */
const QUIET_TURNS = 100;

/** The same while a connection is being made, which the kernel does when it has the time, and may never do. */
const CONNECTING_TURNS = 5_000;

/** What takes the time of a thread: it ends by itself, and no event tells before. */
const BUSY = /^(FSReq|GetAddrInfo|GetNameInfo)/;

const FAKED = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] as const;

/**
 * Does `work` in a time of its own, which stands still while anything happens in this process and moves on to the next timer
 * when nothing does. So no time-out is met because the machine is busy, and each that has to be met is met at once.
 * Everybody whom `work` talks to has to be in this process. Not for work that is done by other threads.
 */
export async function inIdleTime<T>(work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: [...FAKED] });
  const over = new AbortController();
  try {
    const outcome = work().finally(() => over.abort());
    outcome.catch(() => {}); // is seen below
    while (!over.signal.aborted) {
      await quiet(over.signal);
      if (!over.signal.aborted) vi.advanceTimersToNextTimer();
    }
    return await outcome;
  } finally {
    vi.useRealTimers();
  }
}

/** Stops the time of this process until it is disposed of: whoever is patient stays so, however busy the machine is. */
export function stopTime(): Disposable {
  vi.useFakeTimers({ toFake: [...FAKED] });
  return { [Symbol.dispose]: () => void vi.useRealTimers() };
}

/** Resolves when nothing has happened in this process for a while, or the signal fires: what was on its way has come. */
export async function quiet(over: AbortSignal = new AbortController().signal): Promise<void> {
  let events = -1;
  let wanted = QUIET_TURNS;
  for (let turns = 0; turns < wanted && !over.aborted; turns++) {
    const before = events;
    events = machine.nodeTiming.uvMetricsInfo.events;
    const active = process.getActiveResourcesInfo();
    wanted = active.includes("ConnectWrap") ? CONNECTING_TURNS : QUIET_TURNS;
    if (events !== before || active.some((name) => BUSY.test(name))) turns = 0;
    await setImmediate();
  }
}
