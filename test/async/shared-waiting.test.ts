import { describe, expect, it } from "vitest";
import { abortable } from "../../src/async/abort.ts";
import { SharedCalls } from "../../src/async/shared-calls.ts";
import { PATIENCE_MS } from "../../src/async/wait-patiently.ts";
import { asReason } from "../../src/async/wait-reason.ts";
import type { Waiter } from "../../src/async/waiting.ts";
import { ErrCanceled } from "../../src/errors/classes.ts";
import { FakeClock } from "../registry/support/fake-clock.ts";

/** Lets everything happen that waits for nothing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

/** A call under way, which waits when the test says so, and what those who share it are shown. */
function lab() {
  const clock = new FakeClock();
  const calls = new SharedCalls<string>(clock);
  const outcome = Promise.withResolvers<string>();
  const state: { waiter: Waiter | undefined; gone: boolean } = { waiter: undefined, gone: false };
  const join = (seen: string[], signal?: AbortSignal): Promise<string> =>
    calls.run(
      "key",
      (shared, waiter) => {
        state.waiter = waiter;
        shared.addEventListener("abort", () => {
          state.gone = true;
        });
        return abortable(outcome.promise, shared);
      },
      {
        signal,
        reason: "Waiting for a.example",
        waiter: {
          async wait(reason, work) {
            seen.push(asReason(reason).words);
            return await work(signal);
          },
        },
      },
    );
  /** Makes the call wait until what it returns is called. */
  const wait = async (reason: string): Promise<() => Promise<void>> => {
    const over = Promise.withResolvers<void>();
    const waiting = state.waiter?.wait(reason, () => over.promise);
    await settle();
    return async () => {
      over.resolve();
      await waiting;
      await settle();
    };
  };
  return { clock, outcome, state, join, wait };
}

describe("those who share a call", () => {
  it("are shown nothing of one that works and is quick", async () => {
    const { outcome, join } = lab();
    const seen: string[] = [];
    const joined = join(seen);
    outcome.resolve("done");
    expect(await joined).toBe("done");
    expect(seen).toEqual([]);
  });

  it("are shown what it waits for, each of them, from when it waits on and as it changes", async () => {
    const { outcome, join, wait } = lab();
    const seen: [string[], string[]] = [[], []];
    const first = join(seen[0]);
    await settle();
    const endOuter = await wait("Waiting for a connection to a.example");
    const second = join(seen[1]);
    await settle();
    const endInner = await wait("Waiting for authorization by auth.example");
    await endInner();
    await endOuter();
    outcome.resolve("done");
    expect(await Promise.all([first, second])).toEqual(["done", "done"]);
    expect(seen[0]).toEqual([
      "Waiting for a connection to a.example",
      "Waiting for authorization by auth.example",
      "Waiting for a.example",
    ]);
    expect(seen[1]).toEqual(seen[0]);
  });

  it("are shown whom it asks when it takes long", async () => {
    const { clock, outcome, join } = lab();
    const seen: string[] = [];
    const joined = join(seen);
    await settle();
    clock.advance(PATIENCE_MS);
    await settle();
    expect(seen).toEqual(["Waiting for a.example"]);
    outcome.reject(new Error("no"));
    await expect(joined).rejects.toThrow("no");
  });

  it("leave it at once by their signals, also while it waits, and end it with the last", async () => {
    const { state, join, wait } = lab();
    const controllers = [new AbortController(), new AbortController()];
    const joined = controllers.map(({ signal }) => join([], signal));
    await settle();
    await wait("Waiting for b.example");
    controllers[0]?.abort();
    await expect(joined[0]).rejects.toBeInstanceOf(ErrCanceled);
    expect(state.gone).toBe(false);
    controllers[1]?.abort();
    await expect(joined[1]).rejects.toBeInstanceOf(ErrCanceled);
    expect(state.gone).toBe(true);
  });
});
