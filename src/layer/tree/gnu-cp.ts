import type { AbortOptions } from "../../async/abort.ts";
import { ErrPermissionDenied } from "../../errors/classes.ts";
import { isCanceled, isPermissionDenied } from "../../errors/predicates.ts";
import { GnuProgram } from "./gnu-program.ts";

/** How the program runs. */
export interface CopyOptions extends AbortOptions {
  /** For messages: `copy file of a lower layer`. */
  readonly action: string;
  /** An open file that it gets as its descriptor 3. */
  readonly descriptor?: number | undefined;
}

/** Runs a command as root of a user namespace that has nobody else: it may do everything with files that are the user's own. */
const AS_OWN_ROOT = ["--user", "--map-root-user", "--"];

/**
 * Runs `cp --archive` of GNU: owners, permissions, times, attributes, devices, links and holes go along, also of files that their
 * owner may not read: for a user without rights it runs in a user namespace then. Throws as `GnuProgram.finish` does, and
 * `ErrPermissionDenied` that says what to do where there are no such namespaces.
 */
export async function gnuCopy(args: readonly string[], options: CopyOptions): Promise<void> {
  const copying = ["--archive", ...args];
  try {
    await run("cp", copying, options);
  } catch (error) {
    if (!isPermissionDenied(error) || process.geteuid?.() === 0) throw error;
    // What is there of the first attempt goes, file by file.
    const again = [...AS_OWN_ROOT, "cp", "--remove-destination", ...copying];
    await run("unshare", again, options).catch((cause: unknown) => {
      if (isCanceled(cause)) throw cause;
      throw ownerKeptOut(options.action, error);
    });
  }
}

async function run(
  program: string,
  args: readonly string[],
  { action, descriptor, signal }: CopyOptions,
): Promise<void> {
  const descriptors = descriptor === undefined ? [] : [descriptor];
  const stdio = ["ignore", "ignore", ...descriptors] as const;
  await new GnuProgram(program, args, { action, stdio, signal }).finish();
}

/** What a user without rights is told who may not look at files that are his own. */
export function ownerKeptOut(action: string, cause: Error): ErrPermissionDenied {
  const reason = "the image has files or directories that keep their owner out, and this user is no root";
  const message = `${action}: ${reason}; it can be done as root, also in a user namespace (unshare -Ur)`;
  return new ErrPermissionDenied(message, { cause, retryable: false });
}
