import { ErrInvalidArgument } from "../errors/classes.ts";
import { parseRate, parseRates, type Rates, UNLIMITED } from "./rate.ts";

/** A day of the week. */
export type Weekday = "Sun" | "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat";

/** Rates each way. A number is bytes per second; a text has a unit: `512k`, `10M`. */
export interface BandwidthRates {
  /**
   * Of what comes in.
   * @unit bytes per second, or a text with a unit in powers of 1,024
   * @defaultValue no limit
   * @example down: "10M"
   */
  readonly down?: number | string | undefined;
  /**
   * Of what goes out.
   * @unit bytes per second, or a text with a unit in powers of 1,024
   * @defaultValue no limit
   * @example up: 512 * 1024
   */
  readonly up?: number | string | undefined;
}

/** From when on which rate holds. */
export interface BandwidthSlot {
  /** Default: every day. */
  readonly day?: Weekday | undefined;
  /** Local time of day: `08:00`. */
  readonly at: string;
  readonly rate: number | string | BandwidthRates;
}

/**
 * How fast bytes may move: a number of bytes per second for each way, a text with a unit (`512k`, `10M`, `off`, or `UP:DOWN`), rates for
 * the two ways, or a timetable, whose text is rclone's: `08:00,512k 12:00,10M 23:00,off`, with days in front as in
 * `Mon-08:00,512k`. Units are powers of 1,024; 0 and `off` are no limit.
 */
export type BandwidthLimit = number | string | BandwidthRates | readonly BandwidthSlot[];

/** What holds from a minute of the week on, counted from the start of Sunday. */
interface Entry {
  readonly minute: number;
  readonly rates: Rates;
}

const DAYS: readonly Weekday[] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MINUTES_PER_DAY = 24 * 60;

/** Entries of one timetable: one for each half hour of the week. */
const MAX_SLOTS = 336;

/** Which rates hold when. */
export class Timetable {
  /** In the order of their time; one that counts for the whole week is alone. */
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries.toSorted((one, other) => one.minute - other.minute);
  }

  /** Throws `ErrInvalidArgument` for what is no limit. */
  static of(limit: BandwidthLimit): Timetable {
    if (typeof limit === "string" && limit.includes(",")) return Timetable.#ofSlots(slotsOf(limit));
    if (Array.isArray(limit)) return Timetable.#ofSlots(limit);
    return new Timetable([
      { minute: 0, rates: ratesOf(limit as Exclude<BandwidthLimit, readonly BandwidthSlot[]>) },
    ]);
  }

  /** Whether something is a limit; never throws. */
  static isLimit(value: unknown): value is BandwidthLimit {
    try {
      Timetable.of(value as BandwidthLimit);
      return true;
    } catch {
      return false;
    }
  }

  static #ofSlots(slots: readonly BandwidthSlot[]): Timetable {
    if (slots.length === 0 || slots.length > MAX_SLOTS)
      throw new ErrInvalidArgument(`set bandwidth: got ${slots.length} times, wanted 1 to ${MAX_SLOTS}`);
    return new Timetable(slots.flatMap(entriesOf));
  }

  /** Whether the rates are others at other times. */
  get changes(): boolean {
    return this.#entries.length > 1;
  }

  /** The rates at a moment, in milliseconds since the epoch, by the local time there. */
  at(ms: number): Rates {
    if (!this.changes) return this.#entries[0]?.rates ?? UNLIMITED;
    const date = new Date(ms);
    const minute = (date.getDay() * 24 + date.getHours()) * 60 + date.getMinutes();
    const current = this.#entries.findLast((entry) => entry.minute <= minute) ?? this.#entries.at(-1);
    return current?.rates ?? UNLIMITED;
  }
}

function ratesOf(rate: BandwidthSlot["rate"]): Rates {
  if (typeof rate === "string") return parseRates(rate);
  if (typeof rate === "number") return { down: parseRate(rate), up: parseRate(rate) };
  requireFields(rate, ["down", "up"]);
  const { down, up } = rate;
  if (down === undefined && up === undefined) throw new ErrInvalidArgument("set bandwidth: got no rate");
  return { down: parseRate(down ?? 0), up: parseRate(up ?? 0) };
}

function requireFields(value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ErrInvalidArgument(`set bandwidth: got an unknown name, wanted ${known.join(", ")}`);
}

function slotsOf(text: string): readonly BandwidthSlot[] {
  return text.trim().split(/\s+/).map(slotOf);
}

function slotOf(text: string): BandwidthSlot {
  const { day, at, rate } =
    /^(?:(?<day>[a-z]+)-)?(?<at>\d\d?:\d\d),(?<rate>[^,]+)$/i.exec(text)?.groups ?? {};
  if (at === undefined || rate === undefined) {
    throw new ErrInvalidArgument(
      "set bandwidth: got no time and rate, wanted them such as 08:00,512k or Mon-08:00,10M",
    );
  }
  return { at, rate, ...(day !== undefined && { day: weekday(day) }) };
}

function weekday(text: string): Weekday {
  const name = text.toLowerCase();
  const day = DAYS.find((short, at) => short.toLowerCase() === name || LONG_DAYS[at] === name);
  if (day === undefined)
    throw new ErrInvalidArgument("set bandwidth: got no day of the week, wanted one such as Mon");
  return day;
}

function entriesOf(slot: BandwidthSlot): readonly Entry[] {
  requireFields(slot, ["day", "at", "rate"]);
  const { day, at, rate } = slot;
  const [, hours, minutes] = /^(\d\d?):(\d\d)$/.exec(at)?.map(Number) ?? [];
  if (hours === undefined || minutes === undefined || hours > 23 || minutes > 59)
    throw new ErrInvalidArgument("set bandwidth: got no time of day, wanted one such as 08:00");
  if (day !== undefined && !DAYS.includes(day))
    throw new ErrInvalidArgument("set bandwidth: got no day of the week, wanted one such as Mon");
  const rates = ratesOf(rate);
  const days = day === undefined ? [...DAYS.keys()] : [DAYS.indexOf(day)];
  return days.map((number) => ({ minute: number * MINUTES_PER_DAY + hours * 60 + minutes, rates }));
}
