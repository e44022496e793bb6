/** Ends of names that say what is counted. */
const UNITS: ReadonlyArray<readonly [RegExp, string]> = [
  [/Ms$/, "milliseconds"],
  [/[bB]ytesPerSecond$/, "bytes per second"],
  [/[sS]econds$/, "seconds"],
  [/(?:^b|B)ytes(?:PerWorker)?$/, "bytes"],
];

/** The unit that the name of an option tells, if it does. */
export function unitOfName(name: string): string | undefined {
  return UNITS.find(([pattern]) => pattern.test(name))?.[1];
}
