import { type AbortOptions, abortError, throwIfAborted } from "./abort.ts";
import { onAbort } from "./on-abort.ts";
import { outside } from "./outside.ts";

/** Takes up all calls that wait now, in the order of calling. None of them can leave any more. */
export type TakeUp<I> = () => readonly I[];

/**
 * Serves what it takes up; its outcomes are in the order of the calls. What it throws is the outcome of all. The signal
 * fires when everybody has left before they were taken up.
 */
export type Round<I, O> = (
  takeUp: TakeUp<I>,
  signal: AbortSignal,
) => Promise<ReadonlyArray<PromiseSettledResult<O>>>;

interface Call<I, O> {
  readonly input: I;
  readonly resolve: (output: O) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Work that costs for many what it costs for one. It is done in rounds, one after the other: who calls while a round is under
 * way waits for the next one, which serves all who wait when it begins its work. A round runs in no caller's `AsyncLocalStorage`.
 */
export class Rounds<I, O> {
  readonly #round: Round<I, O>;
  readonly #waiting: Array<Call<I, O>> = [];
  #isRunning = false;
  /** Of the round that waits for its work to begin. */
  #controller = new AbortController();

  constructor(round: Round<I, O>) {
    this.#round = round;
  }

  /** Rejects with `ErrCanceled` when the signal fires before the call was taken up. Otherwise settles as the round says. */
  run(input: I, { signal }: AbortOptions = {}): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      throwIfAborted(signal);
      const call: Call<I, O> = {
        input,
        resolve: (output) => {
          ignore();
          resolve(output);
        },
        reject: (error) => {
          ignore();
          reject(error);
        },
      };
      const ignore = onAbort(signal, () => {
        if (signal && this.#leave(call)) reject(abortError(signal));
      });
      this.#waiting.push(call);
      if (!this.#isRunning) void outside(() => this.#runAll());
    });
  }

  /** Returns whether the call was still waiting. */
  #leave(call: Call<I, O>): boolean {
    const at = this.#waiting.indexOf(call);
    if (at === -1) return false;
    this.#waiting.splice(at, 1);
    if (this.#waiting.length === 0) this.#controller.abort();
    return true;
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) await this.#runOne();
    this.#isRunning = false;
  }

  async #runOne(): Promise<void> {
    const controller = new AbortController();
    this.#controller = controller;
    let taken: ReadonlyArray<Call<I, O>> | undefined;
    const takeUp = (): readonly I[] => {
      taken = this.#waiting.splice(0);
      return taken.map(({ input }) => input);
    };
    try {
      const outcomes = await this.#round(takeUp, controller.signal);
      for (const [at, outcome] of outcomes.entries()) settle(taken?.[at], outcome);
    } catch (error) {
      // A round that everybody left has failed for nobody: whoever came since waits for the next.
      if (taken === undefined && controller.signal.aborted) return;
      for (const call of taken ?? this.#waiting.splice(0)) call.reject(error);
    }
  }
}

function settle<I, O>(call: Call<I, O> | undefined, outcome: PromiseSettledResult<O>): void {
  if (outcome.status === "fulfilled") call?.resolve(outcome.value);
  else call?.reject(outcome.reason);
}
