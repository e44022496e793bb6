import { type AbortOptions, abortable, throwIfAborted } from "./abort.ts";
import { outside } from "./outside.ts";

type RunningCall<T> = {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  callers: number;
  hasEnded: boolean;
};

/**
 * Calls shared by key: who asks while one runs gets its outcome. The call outlives each caller that gives up,
 * and is aborted when the last one does. It runs in no caller's `AsyncLocalStorage`. Nothing is kept once it
 * ends, so a failure is never handed to a later caller.
 */
export class SharedCalls<T> {
  readonly #running = new Map<string, RunningCall<T>>();

  /**
   * Joins the running call of `key`, or starts one. Rejects with the call's error, or `ErrCanceled` by
   * `signal`.
   */
  async run(
    key: string,
    start: (signal: AbortSignal) => Promise<T>,
    { signal }: AbortOptions = {},
  ): Promise<T> {
    throwIfAborted(signal);
    const call = this.#running.get(key) ?? this.#start(key, start);
    call.callers++;
    try {
      return await abortable(call.result, signal);
    } finally {
      call.callers--;
      if (call.callers === 0) this.#end(key, call);
    }
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>): RunningCall<T> {
    const controller = new AbortController();
    const result = outside(() => start(controller.signal));
    const call = { result, controller, callers: 0, hasEnded: false };
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
