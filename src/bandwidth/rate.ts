import { ErrInvalidArgument } from "../errors/classes.ts";

/** Bytes per second each way; infinite where there is no limit. */
export interface Rates {
  /** What comes in. */
  readonly down: number;
  /** What goes out. */
  readonly up: number;
}

/** No limit, neither way. */
export const UNLIMITED: Rates = {
  down: Number.POSITIVE_INFINITY,
  up: Number.POSITIVE_INFINITY,
};

/** Bytes of each unit, which are powers of 1,024 as in rclone and curl. */
const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * A rate in bytes per second out of a number of them, or a text with a unit: `512k`, `1.5M`, `10MiB`, `off`. Zero is no limit. A number
 * without a unit is refused in a text, because it would be bytes to curl and kibibytes to rclone. Throws `ErrInvalidArgument`.
 */
export function parseRate(rate: number | string): number {
  const bytes = typeof rate === "number" ? rate : bytesOf(rate.trim());
  if (bytes === 0) return Number.POSITIVE_INFINITY;
  if (bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
  throw new ErrInvalidArgument(
    `set bandwidth: got ${bytes} bytes per second, wanted at least 1, or 0 for no limit`,
  );
}

/** The rates of a text: one for both ways, or `UP:DOWN` as in rclone. Throws `ErrInvalidArgument`. */
export function parseRates(text: string): Rates {
  const [first = "", second, ...more] = text.split(":");
  if (more.length > 0) throw new ErrInvalidArgument("set bandwidth: got more than two rates, wanted UP:DOWN");
  const up = parseRate(first);
  return { up, down: second === undefined ? up : parseRate(second) };
}

function bytesOf(text: string): number {
  if (text === "0" || text.toLowerCase() === "off") return 0;
  const { count = "", unit = "" } =
    /^(?<count>\d{1,15}(?:\.\d{1,9})?)(?:(?<unit>[bkmgt])(?:i?b|i)?)?$/i.exec(text)?.groups ?? {};
  const factor = UNITS[unit.toLowerCase()];
  if (count !== "" && unit === "") {
    const readings = `${count}B for bytes, as curl reads it, or ${count}k, as rclone does`;
    throw new ErrInvalidArgument(`set bandwidth: got a rate without a unit, wanted ${readings}`);
  }
  if (factor !== undefined) return Number(count) * factor;
  throw new ErrInvalidArgument("set bandwidth: got no rate, wanted one such as 512k, 10M, 1.5GiB or off");
}
