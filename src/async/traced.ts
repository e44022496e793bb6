import type { TracingChannel } from "node:diagnostics_channel";
import { ErrInternal } from "../errors/classes.ts";

/**
 * What every trace has: `node:diagnostics_channel` adds `result` when the work has succeeded, and `error` when it has not. Times are those
 * of `performance.now()`, in milliseconds. No secret and no signed query is in a trace.
 */
export interface Trace<T> {
  readonly startedAtMs: number;
  /** When the work had ended, in whichever way. */
  endedAtMs?: number;
  result?: T | undefined;
  error?: unknown;
}

/** A channel whose message is one object for all its events. */
export type Channel<C extends object> = TracingChannel<C, C>;

/** Work that is told on a channel. */
interface TracedWork<C extends Trace<unknown>, T> {
  /** What is told of it when it begins; called only where somebody listens. */
  readonly contextOf: (startedAtMs: number) => C;
  readonly work: (context: C | undefined) => Promise<T>;
  /** What of its outcome is told as `result`. Default: nothing, as an outcome may hold what is nobody's business. */
  readonly shown?: (outcome: T) => unknown;
}

/** Does work, told on a channel; where nobody listens it is done as it is. */
export function traced<C extends Trace<unknown>, T>(channel: Channel<C>, how: TracedWork<C, T>): Promise<T> {
  return channel.hasSubscribers ? told(channel, how) : how.work(undefined);
}

async function told<C extends Trace<unknown>, T>(
  channel: Channel<C>,
  { contextOf, work, shown }: TracedWork<C, T>,
): Promise<T> {
  const context = contextOf(performance.now());
  const running: { outcome?: { readonly value: T } } = {};
  await channel.tracePromise(async () => {
    try {
      const value = await work(context);
      running.outcome = { value };
      return shown?.(value);
    } finally {
      context.endedAtMs = performance.now();
    }
  }, context);
  if (!running.outcome) throw new ErrInternal("trace work: it has ended without an outcome");
  return running.outcome.value;
}
