import type { AbortOptions } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import type { Release } from "../../async/keyed-lock.ts";

/** How long to wait for somebody to leave. */
interface LeaveOptions extends AbortOptions {
  readonly ms: number;
  readonly clock: Clock;
}

/** Who is finding out, in this process, whether an endpoint can be reached: one for each. */
export class Contacts {
  readonly #inside = new Map<string, Promise<void>>();

  /** Enters if nobody is inside. The caller leaves with what it gets, as often as it likes. */
  enter(origin: string): Release | undefined {
    if (this.#inside.has(origin)) return undefined;
    const left = Promise.withResolvers<void>();
    this.#inside.set(origin, left.promise);
    return () => {
      if (this.#inside.get(origin) === left.promise) this.#inside.delete(origin);
      left.resolve();
    };
  }

  /** Waits until whoever is inside has left, or `ms` are over. Rejects when the signal fires. */
  async left(origin: string, { ms, clock, signal }: LeaveOptions): Promise<void> {
    const inside = this.#inside.get(origin);
    if (!inside) return;
    const settled = new AbortController();
    const signals = signal ? [signal, settled.signal] : [settled.signal];
    const late = clock.sleep(ms, { signal: AbortSignal.any(signals) }).catch((error: unknown) => {
      if (!settled.signal.aborted) throw error;
    });
    try {
      await Promise.race([inside, late]);
    } finally {
      settled.abort();
    }
  }
}
