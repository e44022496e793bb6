import type { Progress } from "../../index.ts";

/** Shows the progress of one operation. */
export interface Reporter {
  /** Takes one step; must not throw. */
  report(progress: Progress): void;
  /** Shows a failure, where the form of the output has a place for it; stderr gets its line in any case. */
  fail(message: string): void;
  /** Tells what came of it to programs, where the form of the output has a place for it. */
  facts(facts: object): void;
  /** Leaves the output tidy; nothing is reported afterwards. */
  finish(): void;
}

/** A reporter that says nothing. */
export const quietReporter: Reporter = {
  report() {},
  fail() {},
  facts() {},
  finish() {},
};
