import { describe, expect, it } from "vitest";
import { ErrCanceled, ErrUnavailable } from "../../../src/errors/classes.ts";
import { type Claim, type Thread, ThreadQueue } from "../../../src/layer/workers/thread-queue.ts";

class FakeThread implements Thread {
  isDead = false;
  isEnded = false;
  readonly onWait: () => void;

  constructor(onWait: () => void) {
    this.onWait = onWait;
  }

  run(): never {
    throw new Error("nothing is run here");
  }

  async end(): Promise<void> {
    this.isEnded = true;
  }
}

function queueOf(threads: number): { queue: ThreadQueue; started: FakeThread[] } {
  const started: FakeThread[] = [];
  const start = (onWait: () => void): FakeThread => {
    const thread = new FakeThread(onWait);
    started.push(thread);
    return thread;
  };
  return { queue: new ThreadQueue({ threads, start }), started };
}

/** A job of so many bytes. */
function jobOf(size: number): Claim & { readonly state: { isWaiting: boolean } } {
  return { size, state: { isWaiting: false } };
}

describe("ThreadQueue", () => {
  it("tells who has to wait, and nobody else", async () => {
    const { queue } = queueOf(1);
    const waiting: string[] = [];
    const job = jobOf(1);
    const thread = await queue.take(job, { onWait: () => waiting.push("first") });
    const second = queue.take(jobOf(1), { onWait: () => waiting.push("second") });
    expect(waiting).toEqual(["second"]);
    queue.giveBack(thread, job);
    await second;
    expect(waiting).toEqual(["second"]);
  });

  it("starts threads when they are needed, and no more than it may", async () => {
    const { queue, started } = queueOf(2);
    expect(started).toHaveLength(0);
    const job = jobOf(1);
    const first = await queue.take(job, {});
    queue.giveBack(first, job);
    expect(await queue.take(jobOf(1), {})).toBe(first);
    await queue.take(jobOf(1), {});
    void queue.take(jobOf(1), {});
    expect(started).toHaveLength(2);
  });

  it("serves the largest job first, and the older one of two that are equal", async () => {
    const { queue } = queueOf(1);
    const job = jobOf(1);
    const thread = await queue.take(job, {});
    const order: string[] = [];
    const jobs = [
      ["small", 1],
      ["large", 9],
      ["middle", 5],
      ["large too", 9],
    ] as const;
    const served = jobs.map(async ([name, size]) => {
      const next = jobOf(size);
      const own = await queue.take(next, {});
      order.push(name);
      queue.giveBack(own, next);
    });
    queue.giveBack(thread, job);
    await Promise.all(served);
    expect(order).toEqual(["large", "large too", "middle", "small"]);
  });

  it("gives a thread whose jobs all wait for bytes more to do, and one that has no job sooner", async () => {
    const { queue, started } = queueOf(2);
    const [resting, busy] = [jobOf(5), jobOf(1)];
    const first = await queue.take(resting, {});
    resting.state.isWaiting = true;
    expect(await queue.take(busy, {})).toBe(started[1]);
    const third = jobOf(1);
    expect(await queue.take(third, {})).toBe(first);

    let isServed = false;
    const waiting = queue.take(jobOf(1), {}).then((thread) => {
      isServed = true;
      return thread;
    });
    started[0]?.onWait(); // of one job; the other one goes on
    await Promise.resolve();
    expect(isServed).toBe(false);
    third.state.isWaiting = true;
    started[0]?.onWait();
    expect(await waiting).toBe(first);
  });

  it("lets no thread begin more and more jobs that wait", async () => {
    const { queue } = queueOf(1);
    const begun = Array.from({ length: 8 }, () => jobOf(1));
    let thread: Thread | undefined;
    for (const job of begun) {
      thread = await queue.take(job, {});
      job.state.isWaiting = true;
    }
    const ninth = queue.take(jobOf(1), {});
    expect(await Promise.race([ninth, Promise.resolve("waits")])).toBe("waits");
    const [first] = begun;
    if (first && thread) queue.giveBack(thread, first);
    expect(await ninth).toBe(thread);
  });

  it("starts another thread for one that has died", async () => {
    const { queue, started } = queueOf(1);
    const [job, next] = [jobOf(1), jobOf(1)];
    const first = (await queue.take(job, {})) as FakeThread;
    first.isDead = true;
    queue.giveBack(first, job);
    const second = await queue.take(next, {});
    expect(second).toBe(started[1]);
    queue.giveBack(second, next);
    (second as FakeThread).isDead = true;
    expect(await queue.take(jobOf(1), {})).toBe(started[2]);
  });

  it("lets those go who wait no longer", async () => {
    const { queue } = queueOf(1);
    const job = jobOf(1);
    const thread = await queue.take(job, {});
    const controller = new AbortController();
    const leaving = queue.take(jobOf(1), { signal: controller.signal });
    const staying = queue.take(jobOf(1), {});
    controller.abort();
    await expect(leaving).rejects.toThrow(ErrCanceled);
    queue.giveBack(thread, job);
    expect(await staying).toBe(thread);
  });

  it("ends its threads and those who wait for one", async () => {
    const { queue, started } = queueOf(2);
    const job = jobOf(1);
    const idle = await queue.take(job, {});
    await queue.take(jobOf(1), {});
    queue.giveBack(idle, job);
    await queue.take(jobOf(1), {});
    const waiting = queue.take(jobOf(1), {});
    await queue.end();
    await expect(waiting).rejects.toThrow(ErrUnavailable);
    expect(started.map(({ isEnded }) => isEnded)).toEqual([true, true]);
  });
});
