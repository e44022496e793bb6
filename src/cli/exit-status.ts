import { CommanderError, InvalidArgumentError } from "commander";
import { isCanceled } from "../errors.ts";
import { SeveralFailures } from "./for-each-argument.ts";
import { tell } from "./output.ts";

/**
 * Exit statuses of the command line. The last two are what a shell shows of a program that SIGINT (2) or SIGPIPE (13) ended:
 * 128 more than the signal's number.
 */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130, brokenPipe: 141 } as const;

/** How a command came to its end. */
export interface Ending {
  readonly error: unknown;
  /** Whether somebody interrupted it. */
  readonly interrupted: boolean;
  /** Why nothing more could be written to stdout. */
  readonly outputError: NodeJS.ErrnoException | undefined;
}

/** The exit status of a command that failed. Says on stderr why it did, unless whoever has stopped it knows. */
export function exitStatus({ error, interrupted, outputError }: Ending): number {
  if (outputError?.code === "EPIPE") return EXIT.brokenPipe; // the reader has left, as `head` does, and wants no more
  if (error instanceof InvalidArgumentError) tell(error.message); // commander has told of those only that it caught itself
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (interrupted && wasStopped(error)) return EXIT.interrupted;
  const failures = error instanceof SeveralFailures ? error.failures : [outputError ?? error];
  for (const failure of failures) tell(failure instanceof Error ? failure.message : String(failure));
  return EXIT.failed;
}

/** The parts of Node.js that take a signal have an error of their own for it. */
function wasStopped(error: unknown): boolean {
  return isCanceled(error) || (error instanceof Error && error.name === "AbortError");
}
