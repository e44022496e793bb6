import { callStatus } from "./call-status.ts";
import type { ServerCall } from "./server-call.ts";

/** Answers one call: with exactly one status, whatever happens. Resolves when nothing of the work is left; must not reject. */
export type CallHandler = (call: ServerCall) => Promise<void>;

/** How many handlers of one connection may run. */
export interface CallLineLimits {
  /** All of them. */
  readonly maxHandlers: number;
  /** Those whose call is over: its stream is free for the next call, while what the handler has open is not closed yet. */
  readonly maxAbandoned: number;
}

interface Waiting {
  readonly call: ServerCall;
  readonly handler: CallHandler;
}

/**
 * The calls of one connection. A client that cancels calls as fast as it makes them would have more handlers at work, each with a
 * file open, than it may have streams; here its next calls wait in line until enough of those have ended. One that is cancelled
 * in line leaves it and costs nothing more.
 */
export class CallLine {
  readonly #limits: CallLineLimits;
  readonly #running = new Set<ServerCall>();
  readonly #waiting = new Map<ServerCall, Waiting>();
  #abandoned = 0;

  constructor(limits: CallLineLimits) {
    this.#limits = limits;
  }

  /** Has the call answered as soon as it may be. */
  enter(call: ServerCall, handler: CallHandler): void {
    this.#waiting.set(call, { call, handler });
    call.signal.addEventListener("abort", () => this.#ended(call), { once: true });
    this.#admit();
  }

  /** Ends all calls for this reason. */
  cancel(reason: Error): void {
    for (const call of [...this.#running, ...this.#waiting.keys()]) call.cancel(reason);
  }

  #admit(): void {
    for (const { call, handler } of this.#waiting.values()) {
      if (this.#running.size >= this.#limits.maxHandlers) return;
      if (this.#abandoned >= this.#limits.maxAbandoned) return;
      this.#waiting.delete(call);
      this.#running.add(call);
      void handler(call).finally(() => this.#done(call));
    }
  }

  #done(call: ServerCall): void {
    call.release();
    this.#running.delete(call);
    if (call.signal.aborted) this.#abandoned--;
    this.#admit();
  }

  #ended(call: ServerCall): void {
    if (this.#running.has(call)) this.#abandoned++;
    else if (this.#waiting.delete(call)) call.fail(callStatus(call.signal.reason));
  }
}
