import { describe, expect, it } from "vitest";
import { Crews, wouldBeLast } from "../../../src/layer/workers/crews.ts";
import { type Claim, type Thread, ThreadQueue } from "../../../src/layer/workers/thread-queue.ts";

const NEVER = new Promise<never>(() => {});

/** Crews of a pool of so many threads, none of which does anything; what is larger than 10 may have two. */
function crewsOf(threads: number): { crews: Crews; started: Thread[] } {
  const started: Thread[] = [];
  const start = (): Thread => {
    const thread: Thread = { isDead: false, run: () => NEVER, end: async () => {} };
    started.push(thread);
    return thread;
  };
  return { crews: new Crews(new ThreadQueue({ threads, start }), { threads, from: 10 }), started };
}

function jobOf(size: number): Claim {
  return { size, state: { isWaiting: false } };
}

async function isAtOnce(hiring: Promise<unknown>): Promise<boolean> {
  const later = new Promise((resolve) => setImmediate(resolve, "later"));
  return (await Promise.race([hiring, later])) !== "later";
}

describe("Crews", () => {
  it("let the job that would be last wait for no thread, and others wait", async () => {
    const { crews, started } = crewsOf(2);
    const small = await Promise.all([crews.hire(jobOf(20), {}), crews.hire(jobOf(20), {})]);
    expect(await isAtOnce(crews.hire(jobOf(30), {}))).toBe(false);
    expect(await isAtOnce(crews.hire(jobOf(100), {}))).toBe(true);
    expect(started).toHaveLength(2);
    for (const crew of small) crew[Symbol.dispose]();
    await crews.end();
  });

  it("count a job no longer when its threads are given back, or nobody waits for them any more", async () => {
    const { crews } = crewsOf(2);
    const first = await crews.hire(jobOf(50), {});
    const second = await crews.hire(jobOf(40), {});
    const controller = new AbortController();
    const waiting = crews.hire(jobOf(60), { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toThrow();
    first[Symbol.dispose]();
    const third = await crews.hire(jobOf(5), {});
    expect(await isAtOnce(crews.hire(jobOf(50), {}))).toBe(true); // more than 40 and 5
    for (const crew of [second, third]) crew[Symbol.dispose]();
    await crews.end();
  });
});

describe("wouldBeLast()", () => {
  it.each([
    ["one alone", 100, [], 2, true],
    ["the larger one of two", 100, [99], 2, true],
    ["one that is as large as all others", 100, [50, 50], 2, false],
    ["one for which more threads would wait", 100, [100, 100], 4, true],
    ["one of many", 100, [100, 100, 100], 4, false],
    ["a small one", 9, [], 2, false],
    ["one where no thread is left to others", 100, [], 1, false],
    ["one on the thread of the caller", 100, [], 0, false],
  ])("tells %s", (_, size, others, count, wanted) => {
    const sizes = others.map((other) => ({ size: other }));
    expect(wouldBeLast({ size }, sizes, { threads: count, from: 10 })).toBe(wanted);
  });
});
