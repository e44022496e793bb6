import type { AbortOptions } from "../../async/abort.ts";
import { GnuProgram } from "./gnu-program.ts";

/** How the program runs. */
export interface CopyOptions extends AbortOptions {
  /** For messages: `copy file of a lower layer`. */
  readonly action: string;
  /** An open file that it gets as its descriptor 3. */
  readonly descriptor?: number | undefined;
}

/**
 * Runs `cp --archive` of GNU: owners, permissions, times, attributes, devices, links and holes go along. Throws as
 * `GnuProgram.finish` does.
 */
export async function gnuCopy(
  args: readonly string[],
  { action, descriptor, signal }: CopyOptions,
): Promise<void> {
  const descriptors = descriptor === undefined ? [] : [descriptor];
  const stdio = ["ignore", "ignore", ...descriptors] as const;
  await new GnuProgram("cp", ["--archive", ...args], { action, stdio, signal }).finish();
}
