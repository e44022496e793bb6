/** Milliseconds in one of each unit that Go has. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3, // micro sign
  "\u03bcs": 1e-3, // small letter mu
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/** A duration in Go's words (`200ms`, `1m30s`) in milliseconds; `undefined` for anything that is none, and for negative ones. */
export function goDuration(text: string): number | undefined {
  const unsigned = text.replace(/^\+/, "");
  if (unsigned === "0") return 0;
  let milliseconds = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < unsigned.length) {
    const [, amount, unit = ""] = PART.exec(unsigned) ?? [];
    if (amount === undefined) return undefined;
    milliseconds += Number(amount) * (UNITS[unit] ?? 0);
  }
  return unsigned === "" ? undefined : milliseconds;
}
