import { InvalidArgumentError } from "commander";

/** Units of a time, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A time out of an argument, in milliseconds; a number alone is seconds. */
export function parseDuration(value: string): number {
  const { count, unit = "s" } = /^(?<count>\d{1,9})(?<unit>ms|[smhd])?$/.exec(value)?.groups ?? {};
  const unitMs = UNITS[unit];
  if (count === undefined || unitMs === undefined) {
    throw new InvalidArgumentError("wanted a number and ms, s, m, h or d, such as 30s, 12h or 0");
  }
  return Number(count) * unitMs;
}

/** A number of bytes out of an argument. */
export function parseBytes(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("wanted a number of bytes");
  return Number(value);
}
