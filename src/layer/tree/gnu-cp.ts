import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { ErrNotImplemented, ErrResourceExhausted, ErrUnknown } from "../../errors/classes.ts";

/** Longest text of the program that is kept, in characters. */
const MAX_WORDS = 512;

/** How the program runs. */
export interface CopyOptions extends AbortOptions {
  /** For messages: `copy file of a lower layer`. */
  readonly action: string;
  /** An open file that it gets as its descriptor 3. */
  readonly descriptor?: number | undefined;
}

/**
 * Runs `cp --archive` of GNU, because Node can neither read nor write extended attributes, nor make devices: owners,
 * permissions, times, attributes, links and holes go along. The signal ends it. Throws `ErrNotImplemented` where there is
 * no such program, `ErrResourceExhausted` when the disk is full, `ErrUnknown` with its words when it fails otherwise, and
 * `ErrCanceled`.
 */
export async function gnuCopy(
  args: readonly string[],
  { action, descriptor, signal }: CopyOptions,
): Promise<void> {
  throwIfAborted(signal);
  const child = spawn("cp", ["--archive", ...args], {
    stdio: ["ignore", "ignore", "pipe", descriptor ?? "ignore"],
    signal,
    killSignal: "SIGKILL",
  });
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = `${words}${text}`.slice(0, MAX_WORDS);
  });
  const [status] = (await once(child, "close").catch((cause: unknown) => {
    throwIfAborted(signal);
    throw new ErrNotImplemented(`${action}: the program cp cannot be run`, { cause });
  })) as [number | null];
  throwIfAborted(signal);
  if (status === 0) return;
  if (words.includes("No space left on device"))
    throw new ErrResourceExhausted(`${action}: no space left on device`);
  throw new ErrUnknown(`${action}: cp: ${words.trim() || `ended with ${status}`}`, { retryable: false });
}
