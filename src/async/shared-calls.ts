import { type AbortOptions, abortable, throwIfAborted } from "./abort.ts";
import { type Clock, systemClock } from "./clock.ts";
import { outside } from "./outside.ts";
import { joinShared, runShared, type SharedKind, type SharedTrace, sharedTrace } from "./shared-traces.ts";
import { SharedWaiting } from "./shared-waiting.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { Waiter } from "./waiting.ts";

interface RunningCall<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  readonly waiting: SharedWaiting;
  trace: SharedTrace | undefined;
  callers: number;
  hasEnded: boolean;
}

/** Starts a call. What it waits for by the waiter, all who share it wait for. */
export type StartCall<T> = (signal: AbortSignal, waiter: Waiter) => Promise<T>;

/** How one who shares a call waits for it. */
export interface CallOptions extends AbortOptions {
  /** With it he gives up what he holds while the call waits, or takes long, and shows what for. */
  readonly waiter?: Waiter | undefined;
  /** What is waited for as long as the call does not say more: a status line for people. */
  readonly reason?: string | WaitReason | undefined;
}

/**
 * Calls shared by key: who asks while one runs gets its outcome. The call outlives each caller that gives up,
 * and is aborted when the last one does. It runs in no caller's `AsyncLocalStorage`. Nothing is kept once it
 * ends, so a failure is never handed to a later caller.
 */
export class SharedCalls<T> {
  readonly #running = new Map<string, RunningCall<T>>();
  readonly #clock: Clock;
  readonly #kind: SharedKind;

  /** @param kind what the calls are in traces */
  constructor(clock: Clock = systemClock, kind: SharedKind = "other") {
    this.#clock = clock;
    this.#kind = kind;
  }

  /**
   * Joins the running call of `key`, or starts one. Rejects with the call's error, or `ErrCanceled` by
   * `signal`.
   */
  async run(key: string, start: StartCall<T>, options: CallOptions = {}): Promise<T> {
    const { signal, waiter, reason = "Waiting" } = options;
    throwIfAborted(signal);
    const call = this.#running.get(key) ?? this.#start(key, start);
    call.callers++;
    call.trace ??= sharedTrace(this.#kind);
    try {
      return await joinShared(call.trace, () =>
        waiter
          ? call.waiting.sharer(call.result, { reason, waiter, signal })
          : abortable(call.result, signal),
      );
    } finally {
      call.callers--;
      if (call.callers === 0) this.#end(key, call);
    }
  }

  #start(key: string, start: StartCall<T>): RunningCall<T> {
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = new SharedWaiting(this.#clock);
    const trace = sharedTrace(this.#kind);
    const result = outside(() => runShared(trace, () => start(signal, waiting.waiter(signal))));
    const call = { result, controller, waiting, trace, callers: 0, hasEnded: false };
    this.#running.set(key, call);
    const end = (): void => {
      call.hasEnded = true;
      this.#end(key, call);
    };
    call.result.then(end, end);
    return call;
  }

  // A call that was left by everybody is dying: a new caller must not join it.
  #end(key: string, call: RunningCall<T>): void {
    if (this.#running.get(key) === call) this.#running.delete(key);
    if (!call.hasEnded) call.controller.abort();
  }
}
