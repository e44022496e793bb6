import { describe, expect, it } from "vitest";
import { JoinableCalls } from "../../src/async/joinable-calls.ts";
import { FakeClock } from "./fake-clock.ts";

/** Calls that end when the test says so. */
function lab() {
  const clock = new FakeClock();
  const calls = new JoinableCalls<number>(clock);
  const started: Array<PromiseWithResolvers<number>> = [];
  const run = (key = "k", signal?: AbortSignal): Promise<number> =>
    calls.run(
      key,
      () => {
        const call = Promise.withResolvers<number>();
        started.push(call);
        return call.promise;
      },
      { signal },
    );
  return { clock, calls, started, run };
}

describe("JoinableCalls.run()", () => {
  it("shares a call with those who come within a second of its start", async () => {
    const { clock, started, run } = lab();
    const first = run();
    await clock.sleep(999);
    const second = run();
    started[0]?.resolve(1);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
    expect(started).toHaveLength(1);
  });

  it("starts another one for those who come later, and that one is joined next", async () => {
    const { clock, started, run } = lab();
    const hanging = run();
    await clock.sleep(1_000);
    const later = [run(), run()];
    started[1]?.resolve(2);
    expect(await Promise.all(later)).toEqual([2, 2]);
    started[0]?.resolve(1);
    expect(await hanging).toBe(1);
    expect(started).toHaveLength(2);
  });

  it("keeps nothing once the call has ended, and keys apart", async () => {
    const { started, run } = lab();
    const failing = run();
    started[0]?.reject(new Error("no"));
    await expect(failing).rejects.toThrow("no");
    const others = [run(), run("other")];
    started[1]?.resolve(1);
    started[2]?.resolve(2);
    expect(await Promise.all(others)).toEqual([1, 2]);
  });

  it("lets one caller leave and the others stay", async () => {
    const { started, run } = lab();
    const controller = new AbortController();
    const leaver = run("k", controller.signal);
    const stayer = run();
    controller.abort();
    await expect(leaver).rejects.toMatchObject({ code: "ERR_CANCELED" });
    started[0]?.resolve(1);
    expect(await stayer).toBe(1);
  });
});

describe("JoinableCalls.startAnew()", () => {
  it("keeps those who come afterwards from the calls of before", async () => {
    const { calls, started, run } = lab();
    const before = run();
    calls.startAnew();
    const after = run();
    started[0]?.resolve(1);
    started[1]?.resolve(2);
    expect(await Promise.all([before, after])).toEqual([1, 2]);
  });
});
