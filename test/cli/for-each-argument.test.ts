import { describe, expect, it } from "vitest";
import { forEachArgument, SeveralFailures } from "../../src/cli/for-each-argument.ts";

describe("forEachArgument()", () => {
  const { signal } = new AbortController();

  it("goes on after a failure, and throws all failures in the end", async () => {
    const done: string[] = [];
    const work = async (argument: string): Promise<void> => {
      if (argument.startsWith("bad")) throw new Error(argument);
      done.push(argument);
    };
    const failure = await forEachArgument(["bad1", "a", "bad2", "b"], work, signal).catch((error) => error);
    expect(done).toEqual(["a", "b"]);
    expect(failure).toBeInstanceOf(SeveralFailures);
    expect(failure.failures.map(String)).toEqual(["Error: bad1", "Error: bad2"]);
  });

  it("stops when the signal has fired", async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const work = async (argument: string): Promise<void> => {
      seen.push(argument);
      abort.abort();
      throw new Error("stopped");
    };
    await expect(forEachArgument(["a", "b"], work, abort.signal)).rejects.toThrow("stopped");
    expect(seen).toEqual(["a"]);
  });
});
