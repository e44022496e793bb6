import { ErrDataLoss } from "../../errors/classes.ts";

/** The error of compressed data that is damaged, cut short, or followed by something else. */
export function decompressionError(
  compression: "gzip" | "zstd",
  reason: string,
  cause?: unknown,
): ErrDataLoss {
  return new ErrDataLoss(`decompress ${compression}: ${reason}`, { cause });
}
