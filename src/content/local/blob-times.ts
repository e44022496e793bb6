import { nowNs } from "../../async/wall-clock.ts";

/** What surely survives `utimes`: seconds travel as a double, and some versions of libuv cut them at microseconds. */
const NS_PER_STEP = 1_000n;

/**
 * `timeNs` as the seconds that `utimes` takes. They stand in the middle of a microsecond, so that whatever is lost on the
 * way to the file system, what is read back lies in the same one, however often that is repeated.
 */
export function fileTime(timeNs: bigint): number {
  return (Number(timeNs / NS_PER_STEP) + 0.5) / 1e6;
}

/** Now, as the seconds that `utimes` takes. Rounded up: a stamp must not lie before what it is put on. */
export function stampNow(): number {
  return fileTime(nowNs() + NS_PER_STEP);
}
