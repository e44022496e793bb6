import { ErrInvalidArgument } from "../errors/classes.ts";

/** A priority that may be raised and lowered while whoever was given it runs. One may be given to several. */
export class LivePriority {
  readonly #listeners = new Set<(value: number) => void>();
  #value: number;

  /** Throws `ErrInvalidArgument` for what is not finite. */
  constructor(value = 0) {
    this.#value = finitePriority(value);
  }

  /** Higher goes first. */
  get value(): number {
    return this.#value;
  }

  /** Moves what waits for a slot at once; what has one goes on. Throws `ErrInvalidArgument` for what is not finite. */
  set(value: number): void {
    if (finitePriority(value) === this.#value) return;
    this.#value = value;
    for (const listener of this.#listeners) listener(value);
  }

  /** Calls `listener`, which must not throw, with every change until the function returned is called. */
  onChange(listener: (value: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** What of a priority counts now. */
export function priorityNow(priority: number | LivePriority): number {
  return typeof priority === "number" ? finitePriority(priority) : priority.value;
}

/** Throws `ErrInvalidArgument` for what is not finite. */
export function finitePriority(priority: number): number {
  if (Number.isFinite(priority)) return priority;
  throw new ErrInvalidArgument(`Set priority: got ${priority}, wanted a finite number`);
}
