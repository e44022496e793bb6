import { ErrFailedPrecondition } from "../errors/classes.ts";

/** What a data root is told that was opened for reading only. `action` is what was asked for, such as `pull image`. */
export function readOnlyRoot(action: string): ErrFailedPrecondition {
  return new ErrFailedPrecondition(`${action}: the data root was opened for reading only`, {
    retryable: false,
  });
}
