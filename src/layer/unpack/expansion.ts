import { ErrResourceExhausted } from "../../errors/classes.ts";
import type { UnpackLimits } from "./unpack-limits.ts";

/** Bytes that any layer may expand to, however small it is: one gibibyte. */
const FREE_EXPANSION_BYTES = 1024 * 1024 * 1024;

/** Throws `ErrResourceExhausted` for a layer that becomes more than its size allows. */
export function checkExpansion(
  { maxExpansion }: UnpackLimits,
  { bytesIn, bytesOut }: { readonly bytesIn: number; readonly bytesOut: number },
): void {
  if (bytesOut <= FREE_EXPANSION_BYTES || bytesOut <= bytesIn * maxExpansion) return;
  throw new ErrResourceExhausted(
    `unpack layer: ${bytesIn} bytes became ${bytesOut}, more than ${maxExpansion} times as many`,
    { retryable: false },
  );
}
