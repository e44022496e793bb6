import { setImmediate as nextTurn } from "node:timers/promises";
import { type AbortOptions, throwIfAborted } from "./abort.ts";

/** How long everybody else of a thread is kept waiting, in milliseconds: about what one piece of a layer takes. */
const SLICE_MS = 8;

/** Lets others of the thread go on when it is time: then there is something to wait for. */
export type Pause = () => Promise<void> | undefined;

/** The last of those that wait for a turn of this thread. */
let last: Promise<void> = Promise.resolve();

/**
 * Long work on a thread that others need as well. It stops for them every few milliseconds; where several such works are under way,
 * one of them goes on in a turn of the event loop.
 */
export class Slices {
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  constructor({ signal }: AbortOptions = {}) {
    this.#signal = signal;
  }

  /** To be called between two steps. What it returns rejects with `ErrCanceled` when the signal has fired. */
  readonly pause: Pause = () => (performance.now() - this.#since < SLICE_MS ? undefined : this.#nextSlice());

  async #nextSlice(): Promise<void> {
    last = last.then(() => nextTurn());
    await last;
    this.#since = performance.now();
    throwIfAborted(this.#signal);
  }
}

/** A step that another program does. It is ended when `pause`, which is called from time to time, throws; only that is thrown. */
export type StepElsewhere = (pause: Pause) => Promise<void>;

/** Work in steps, between which it may be left alone; what it comes to is returned. */
export type Steps<T> = Generator<StepElsewhere | undefined, T>;

/** Does all steps, with pauses that are due, also while other programs are at work. Throws what they throw. */
export async function inSlices<T>(steps: Steps<T>, pause: Pause): Promise<T> {
  const begun: Iterator<StepElsewhere | undefined, T> = steps;
  try {
    for (;;) {
      const step = begun.next();
      if (step.done === true) return step.value;
      const due = step.value ? step.value(pause) : pause();
      if (due) await due;
    }
  } finally {
    begun.return?.(); // left in the middle, it closes what it has open; by name, as Node.js 22 cannot dispose of generators
  }
}

/** What is made of each item, a step for each. */
export function* inSteps<T, R>(items: Iterable<T>, make: (item: T) => R): Steps<R[]> {
  const made: R[] = [];
  for (const item of items) {
    made.push(make(item));
    yield;
  }
  return made;
}
