import { afterEach } from "vitest";

/** Takes what has to be closed when the test is over, and gives it back. */
export type Keep = <T extends AsyncDisposable>(value: T) => T;

/** Closes what it was given after each test of the file, the last first. To be called where hooks are, once. */
export function closingAfterEach(): Keep {
  let open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
    open = [];
  });
  return (value) => {
    open.push(value);
    return value;
  };
}
