import { randomUUID } from "node:crypto";
import type { AbortOptions } from "../../async/abort.ts";
import { plainWaiter, type Waiter, type WaitOptions } from "../../async/waiting.ts";
import type { Bandwidth } from "../../bandwidth/bandwidth.ts";
import type { LiveBandwidth } from "../../bandwidth/live-bandwidth.ts";
import type { Payer } from "../../bandwidth/payers.ts";
import type { BandwidthLimit } from "../../bandwidth/timetable.ts";
import { guardSink } from "../../progress/guard-sink.ts";
import { type StepProgress, type StepSink, waitingFor } from "../../progress/progress.ts";
import { tellingWaiter } from "../../progress/telling-waiter.ts";
import { type LivePriority, PREFETCH, type Priority, priorityNow } from "../../xfer/live-priority.ts";

/** What one pull or push runs with. It is made once per call and handed down as it is. */
export interface Operation extends AbortOptions {
  /** Tells it from all others, in the log and in traces. */
  readonly id: string;
  /** Ends the whole operation, and every wait in it. */
  readonly signal: AbortSignal | undefined;
  /** Higher goes first among transfers that wait for a slot. */
  readonly priority: Priority | LivePriority;
  /** Whose transfers are counted together when some wait for a slot: a caller's group, or this operation's alone. */
  readonly group: string | symbol;
  /** On whose account its bytes move: its own, or nobody's where none do. */
  readonly payer: Payer | undefined;
  /** Does work for which prefetches stand still, unless the operation is one itself. */
  readonly hurry: <T>(work: () => Promise<T>) => Promise<T>;
  /** The caller's sink, made safe to call from the middle of the work. */
  readonly onProgress: StepSink;
  /** Whether that needs to hear only of waits, of what there are thousands of. */
  readonly waitsOnly: boolean;
}

/** What a caller may say about the way an operation runs. */
export interface OperationOptions extends AbortOptions {
  /** Default: a new one. */
  readonly id?: string | undefined;
  /** Default 0. */
  readonly priority?: Priority | LivePriority | undefined;
  /** Default: a group of its own. */
  readonly group?: string | symbol | undefined;
  /** How fast its bytes may move. Default: as fast as those of all. */
  readonly bandwidth?: BandwidthLimit | LiveBandwidth | undefined;
  /** Default: nobody is told. */
  readonly onProgress?: StepSink | undefined;
  /** Default: it hears of everything. */
  readonly waitsOnly?: boolean | undefined;
}

/** Waits on behalf of an operation and shows its caller for what, under `id`. Default signal: the operation's. */
export function waiterOf(
  { signal, onProgress }: Operation,
  id: string,
  { signal: own = signal }: AbortOptions = {},
): Waiter {
  return plainWaiter({ signal: own, show: (reason) => onProgress(waitingFor(id, reason)) });
}

/** What a caller may say of an operation that has nothing to show but whom it waits for. */
export interface ProgressOptions extends AbortOptions {
  /**
   * Told for whom it waits.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
}

/** The options of what such an operation does. */
export function waiting({ signal, onProgress }: ProgressOptions): WaitOptions {
  return { signal, waiter: onProgress && tellingWaiter(guardSink<StepProgress>(onProgress), { signal }) };
}

/** An operation that moves bytes; disposed of at its end. */
export type MovingOperation = Operation & Disposable;

/** Starts an operation out of what its caller said; it moves no bytes. */
export function startOperation({
  id = randomUUID(),
  signal,
  priority = 0,
  group = Symbol("operation"),
  onProgress = () => {},
  waitsOnly = false,
}: OperationOptions): Operation {
  return {
    id,
    signal,
    priority,
    group,
    payer: undefined,
    hurry: (work) => work(),
    onProgress: guardSink<StepProgress>(onProgress),
    waitsOnly,
  };
}

/** The same of one that moves bytes. Throws `ErrInvalidArgument` for a bandwidth that is none. */
export function startMoving(options: OperationOptions, bandwidth: Bandwidth): MovingOperation {
  const operation = startOperation(options);
  const { group, priority } = operation;
  const payer = bandwidth.payer({ group, limit: options.bandwidth });
  return {
    ...operation,
    payer,
    async hurry(work) {
      if (priorityNow(priority) === PREFETCH) return await work();
      const end = bandwidth.foreground.begin();
      try {
        return await work();
      } finally {
        end();
      }
    },
    [Symbol.dispose]: () => payer[Symbol.dispose](),
  };
}
