import { type BandwidthLimit, Timetable } from "./timetable.ts";

/** A limit that may be changed while whoever was given it runs. Those who are given the same one have as much each. */
export class LiveBandwidth {
  readonly #listeners = new Set<(timetable: Timetable) => void>();
  #timetable: Timetable;

  /** Throws `ErrInvalidArgument` for what is no limit. */
  constructor(limit: BandwidthLimit = 0) {
    this.#timetable = Timetable.of(limit);
  }

  /** Which rates hold when. */
  get timetable(): Timetable {
    return this.#timetable;
  }

  /** Takes effect at once. Throws `ErrInvalidArgument` for what is no limit. */
  set(limit: BandwidthLimit): void {
    this.#timetable = Timetable.of(limit);
    for (const listener of this.#listeners) listener(this.#timetable);
  }

  /** Calls `listener`, which must not throw, with every change until the function returned is called. */
  onChange(listener: (timetable: Timetable) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
