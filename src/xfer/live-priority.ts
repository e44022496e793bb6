import { ErrInvalidArgument } from "../errors/classes.ts";

/** Higher goes first; `prefetch` is for what nobody waits for: it goes on only while nobody else wants anything. */
export type Priority = number | "prefetch";

/** What `prefetch` is among numbers. */
export const PREFETCH = Number.NEGATIVE_INFINITY;

/** A priority that may be raised and lowered while whoever was given it runs. One may be given to several. */
export class LivePriority {
  readonly #listeners = new Set<(value: number) => void>();
  #value: number;

  /** Throws `ErrInvalidArgument` for what is no priority. */
  constructor(value: Priority = 0) {
    this.#value = orderOf(value);
  }

  /** Higher goes first; `prefetch` is minus infinity. */
  get value(): number {
    return this.#value;
  }

  /**
   * Moves what waits for a slot at once; what has one goes on, and whatever stands still as a prefetch does if that is over. Throws
   * `ErrInvalidArgument` for what is no priority.
   */
  set(value: Priority): void {
    const order = orderOf(value);
    if (order === this.#value) return;
    this.#value = order;
    for (const listener of this.#listeners) listener(order);
  }

  /** Calls `listener`, which must not throw, with every change until the function returned is called. */
  onChange(listener: (value: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** What of a priority counts now. */
export function priorityNow(priority: Priority | LivePriority): number {
  return priority instanceof LivePriority ? priority.value : orderOf(priority);
}

/** Its place among numbers. Throws `ErrInvalidArgument` for what is no priority. */
export function orderOf(priority: Priority): number {
  if (priority === "prefetch" || priority === PREFETCH) return PREFETCH;
  if (Number.isFinite(priority)) return priority;
  throw new ErrInvalidArgument(`Set priority: got ${priority}, wanted a finite number`);
}
