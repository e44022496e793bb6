import { Option } from "commander";
import type { Progress } from "../../index.ts";
import { chooseReporter, PROGRESS_FORMS, type ProgressForm } from "./choose-reporter.ts";

/** Options of the commands that show progress. */
export interface ProgressCliOptions {
  readonly quiet?: boolean;
  readonly progress: ProgressForm;
}

/** The option `--progress`. */
export function progressOption(): Option {
  return new Option("--progress <form>", "how to show progress").choices(PROGRESS_FORMS).default("auto");
}

/**
 * Does `work`, whose progress goes to stdout as the options say; a failure is shown there as well, and thrown.
 * `factsOf` says what a program may want to know of the result.
 */
export async function withReporter<T>(
  { quiet = false, progress }: ProgressCliOptions,
  work: (onProgress: ((step: Progress) => void) | undefined) => Promise<T>,
  factsOf: (result: T) => readonly object[] = () => [],
): Promise<T> {
  const reporter = await chooseReporter(progress, { quiet, stream: process.stdout });
  try {
    // Where nobody is told anything, nobody has to find out what is here before anything comes.
    const result = await work(quiet ? undefined : (step) => reporter.report(step));
    reporter.finish();
    for (const facts of factsOf(result)) reporter.facts(facts);
    return result;
  } catch (error) {
    reporter.finish();
    reporter.fail(error instanceof Error ? error.message : String(error));
    throw error;
  }
}
