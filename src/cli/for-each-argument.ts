/** What went wrong with some of a command's arguments, while it was done for the others. */
export class SeveralFailures extends Error {
  override readonly name = "SeveralFailures";
  readonly failures: readonly unknown[];

  constructor(failures: readonly unknown[]) {
    super(`${failures.length} arguments failed`);
    this.failures = failures;
  }
}

/**
 * Does `work` for each argument in turn, as `rm` and `docker rmi` do: what fails for one does not keep it from the others.
 * Throws `SeveralFailures` in the end if any has failed, and at once what `work` throws once the signal has fired.
 */
export async function forEachArgument(
  args: readonly string[],
  work: (argument: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const failures: unknown[] = [];
  for (const argument of args) {
    try {
      await work(argument);
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new SeveralFailures(failures);
}
