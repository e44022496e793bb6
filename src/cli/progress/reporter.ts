import type { Progress } from "../../index.ts";

/** Shows the progress of one operation. */
export interface Reporter {
  /** Takes one step; must not throw. */
  report(progress: Progress): void;
  /** Shows a failure, where the form of the output has a place for it. Returns whether it did. */
  fail(message: string): boolean;
  /** Leaves the output tidy; nothing is reported afterwards. */
  finish(): void;
}

/** A reporter that says nothing. */
export const quietReporter: Reporter = {
  report() {},
  fail: () => false,
  finish() {},
};
