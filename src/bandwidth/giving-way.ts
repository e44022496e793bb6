import { anySignal, throwIfAborted } from "../async/abort.ts";
import type { Waiter } from "../async/waiting.ts";
import { ErrCanceled } from "../errors/classes.ts";
import { isCanceled, isRetryable } from "../errors/predicates.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { Flow } from "./flow.ts";
import type { Payers } from "./payers.ts";

/** What those are shown who wait for a transfer that gives way. */
const REASON = { code: "foreground", words: "Waiting for other transfers" } as const;

/** What may have to give way. */
export interface YieldingTransfer {
  readonly bandwidth: Bandwidth;
  readonly host: string;
  readonly payers: Payers;
  /** Has what it gives back meanwhile. */
  readonly waiter: Waiter;
  readonly signal: AbortSignal;
}

/**
 * Brings content in that gives way to the foreground: while that wants anything, `work` is not begun; what is under way stands still, its slot
 * is given back, and what it holds at a host that has no room left it is interrupted for, and is begun again later. Throws what
 * `work` throws, except for what came of standing still.
 */
export async function givingWay<T>(
  transfer: YieldingTransfer,
  work: (flow: Flow, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { bandwidth, host, payers, waiter, signal } = transfer;
  for (;;) {
    if (bandwidth.mustYield(payers))
      await waiter.wait(REASON, (waiting) =>
        bandwidth.untilYields(payers, false, anySignal(waiting, signal)),
      );
    const over = new AbortController();
    const cut = new AbortController();
    const flow = bandwidth.yieldingFlow({ direction: "down", host, payers }, () =>
      cut.abort(new ErrCanceled("transfer interrupted for others")),
    );
    void standStill(transfer, flow, over.signal);
    try {
      return await work(flow, anySignal(signal, cut.signal));
    } catch (error) {
      throwIfAborted(signal);
      const isInterrupted = cut.signal.aborted || flow.wasHeld;
      if (!isInterrupted || !(isCanceled(error) || isRetryable(error))) throw error;
    } finally {
      over.abort();
    }
  }
}

/** Gives the slot back whenever the transfer has to stand still. */
async function standStill(
  { bandwidth, payers, waiter }: YieldingTransfer,
  flow: { readonly isFlowing: boolean; cut(): void },
  over: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      await bandwidth.untilYields(payers, true, over);
      if (!flow.isFlowing) flow.cut(); // it has nothing yet, and must not wait in line before others
      await waiter.wait(REASON, (waiting) => bandwidth.untilYields(payers, false, anySignal(waiting, over)));
    }
  } catch {
    // the transfer is over
  }
}
