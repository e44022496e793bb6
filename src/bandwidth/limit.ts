import type { Clock } from "../async/clock.ts";
import { Bucket } from "./bucket.ts";
import type { Direction } from "./flow.ts";
import type { Timetable } from "./timetable.ts";

/** A limit in force, and what may pass it now. */
export class Limit {
  readonly #clock: Clock;
  readonly #buckets: Readonly<Record<Direction, Bucket>>;
  #timetable: Timetable;

  constructor(timetable: Timetable, clock: Clock) {
    const { down, up } = timetable.at(clock.now());
    const nowMs = clock.elapsed();
    this.#clock = clock;
    this.#timetable = timetable;
    this.#buckets = { down: new Bucket(down, nowMs), up: new Bucket(up, nowMs) };
  }

  /** Whether it is another one at other times. */
  get changes(): boolean {
    return this.#timetable.changes;
  }

  /** What may pass it one way. */
  bucket(direction: Direction): Bucket {
    return this.#buckets[direction];
  }

  /** Puts another timetable in its place. */
  set(timetable: Timetable): void {
    this.#timetable = timetable;
    this.lookAtClock();
  }

  /** Takes the rates that hold at this time of day. Whether they are others than before. */
  lookAtClock(): boolean {
    const rates = this.#timetable.at(this.#clock.now());
    const { down, up } = this.#buckets;
    if (down.rate === rates.down && up.rate === rates.up) return false;
    down.setRate(rates.down, this.#clock.elapsed());
    up.setRate(rates.up, this.#clock.elapsed());
    return true;
  }
}
