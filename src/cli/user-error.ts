/** A failure that the user has been told about already, in the form that the output asked for. */
export class UserError extends Error {
  readonly shown: boolean;

  constructor(cause: unknown, { shown }: { shown: boolean }) {
    super("failed", { cause });
    this.shown = shown;
  }
}
