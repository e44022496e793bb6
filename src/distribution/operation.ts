import type { AbortOptions } from "../async/abort.ts";
import { plainWaiter, type Waiter, type WaitOptions } from "../async/waiting.ts";
import { guardSink } from "../progress/guard-sink.ts";
import { type ProgressSink, update } from "../progress/progress.ts";
import { tellingWaiter } from "../progress/telling-waiter.ts";
import type { LivePriority } from "../xfer/live-priority.ts";

/** What one pull or push runs with. It is made once per call and handed down as it is. */
export interface Operation extends AbortOptions {
  /** Ends the whole operation, and every wait in it. */
  readonly signal: AbortSignal | undefined;
  /** Higher goes first among transfers that wait for a slot. */
  readonly priority: number | LivePriority;
  /** Whose transfers are counted together when some wait for a slot: a caller's group, or this operation's alone. */
  readonly group: string | symbol;
  /** The caller's sink, made safe to call from the middle of the work. */
  readonly onProgress: ProgressSink;
}

/** What a caller may say about the way an operation runs. */
export interface OperationOptions extends AbortOptions {
  /** Default 0. */
  readonly priority?: number | LivePriority | undefined;
  /** Default: a group of its own. */
  readonly group?: string | symbol | undefined;
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

/** What a caller may say of an operation that has nothing to show but whom it waits for. */
export interface ProgressOptions extends AbortOptions {
  /** Told for whom it waits. Default: nobody is told. */
  readonly onProgress?: ProgressSink | undefined;
}

/** The options of what such an operation does. */
export function waiting({ signal, onProgress }: ProgressOptions): WaitOptions {
  return { signal, waiter: onProgress && tellingWaiter(guardSink(onProgress), { signal }) };
}

/** Starts an operation out of what its caller said. */
export function startOperation({
  signal,
  priority = 0,
  group = Symbol("operation"),
  onProgress = () => {},
}: OperationOptions): Operation {
  return { signal, priority, group, onProgress: guardSink(onProgress) };
}
