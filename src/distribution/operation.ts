import type { AbortOptions } from "../async/abort.ts";
import { plainWaiter, type Waiter } from "../async/waiting.ts";
import { guardSink } from "../progress/guard-sink.ts";
import { type ProgressSink, update } from "../progress/progress.ts";

/** What one pull or push runs with. It is made once per call and handed down as it is. */
export interface Operation extends AbortOptions {
  /** Ends the whole operation, and every wait in it. */
  readonly signal: AbortSignal | undefined;
  /** Higher goes first among transfers that wait for a slot. */
  readonly priority: number;
  /** The caller's sink, made safe to call from the middle of the work. */
  readonly onProgress: ProgressSink;
}

/** What a caller may say about the way an operation runs. */
export interface OperationOptions extends AbortOptions {
  /** Default 0. */
  readonly priority?: number | undefined;
  /** Default: nobody is told. */
  readonly onProgress?: ProgressSink | undefined;
}

/** Waits on behalf of an operation and shows its caller for what, under `id`. Default signal: the operation's. */
export function waiterOf(
  { signal, onProgress }: Operation,
  id: string,
  { signal: own = signal }: AbortOptions = {},
): Waiter {
  return plainWaiter({ signal: own, show: (reason) => onProgress(update(id, reason, 0, 0)) });
}

/** Starts an operation out of what its caller said. */
export function startOperation({ signal, priority = 0, onProgress = () => {} }: OperationOptions): Operation {
  return { signal, priority, onProgress: guardSink(onProgress) };
}
