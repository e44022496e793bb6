import { type AbortOptions, abortable, anySignal } from "../../async/abort.ts";

/**
 * How long a sweep after work waits for its turn, and the work's caller for the sweep, in milliseconds: whoever has the
 * turn for longer is in the middle of a sweep, and looks again in the end.
 */
const SWEEP_PATIENCE_MS = 1_000;

/** Sweeps after work: they hold its callers up for a moment at most, and go on without them. */
export class AfterWork {
  /** What runs, and what makes each give up waiting for its turn. */
  readonly #running = new Map<Promise<void>, AbortController>();

  /**
   * Begins `sweep`, which must not reject and is given what ends its wait for a turn. Resolves when it has ended, or when
   * nobody has to wait for it any longer: at once when the signal fires.
   */
  async run(sweep: (signal: AbortSignal) => Promise<void>, { signal }: AbortOptions): Promise<void> {
    const patience = AbortSignal.timeout(SWEEP_PATIENCE_MS);
    const turn = new AbortController();
    const running = sweep(anySignal(turn.signal, patience)).finally(() => this.#running.delete(running));
    this.#running.set(running, turn);
    await abortable(running, anySignal(signal, patience)).catch(() => {}); // it goes on without the caller
  }

  /** Resolves when nothing runs any more. When the signal fires, what waits for its turn gives that up. */
  async settle({ signal }: AbortOptions): Promise<void> {
    while (this.#running.size > 0) {
      const all = Promise.all(this.#running.keys());
      await abortable(all, signal).catch(() => {});
      if (signal?.aborted) for (const turn of this.#running.values()) turn.abort();
      await all;
    }
  }
}
