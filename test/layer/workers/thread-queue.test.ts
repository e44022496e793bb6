import { describe, expect, it } from "vitest";
import { ErrCanceled, ErrUnavailable } from "../../../src/errors/classes.ts";
import { type Thread, ThreadQueue } from "../../../src/layer/workers/thread-queue.ts";

class FakeThread implements Thread {
  isDead = false;
  isEnded = false;

  run(): never {
    throw new Error("nothing is run here");
  }

  async end(): Promise<void> {
    this.isEnded = true;
  }
}

function queueOf(threads: number): { queue: ThreadQueue; started: FakeThread[] } {
  const started: FakeThread[] = [];
  const start = (): FakeThread => {
    const thread = new FakeThread();
    started.push(thread);
    return thread;
  };
  return { queue: new ThreadQueue({ threads, start }), started };
}

describe("ThreadQueue", () => {
  it("starts threads when they are needed, and no more than it may", async () => {
    const { queue, started } = queueOf(2);
    expect(started).toHaveLength(0);
    const first = await queue.take(1, {});
    queue.giveBack(first);
    expect(await queue.take(1, {})).toBe(first);
    await queue.take(1, {});
    void queue.take(1, {});
    expect(started).toHaveLength(2);
  });

  it("serves the largest job first, and the older one of two that are equal", async () => {
    const { queue } = queueOf(1);
    const thread = await queue.take(1, {});
    const order: string[] = [];
    const jobs = [
      ["small", 1],
      ["large", 9],
      ["middle", 5],
      ["large too", 9],
    ] as const;
    const served = jobs.map(async ([name, size]) => {
      const own = await queue.take(size, {});
      order.push(name);
      queue.giveBack(own);
    });
    queue.giveBack(thread);
    await Promise.all(served);
    expect(order).toEqual(["large", "large too", "middle", "small"]);
  });

  it("starts another thread for one that has died", async () => {
    const { queue, started } = queueOf(1);
    const first = (await queue.take(1, {})) as FakeThread;
    first.isDead = true;
    queue.giveBack(first);
    expect(await queue.take(1, {})).toBe(started[1]);
    const idle = started[1];
    if (idle) queue.giveBack(idle);
    if (idle) idle.isDead = true;
    expect(await queue.take(1, {})).toBe(started[2]);
  });

  it("lets those go who wait no longer", async () => {
    const { queue } = queueOf(1);
    const thread = await queue.take(1, {});
    const controller = new AbortController();
    const leaving = queue.take(1, { signal: controller.signal });
    const staying = queue.take(1, {});
    controller.abort();
    await expect(leaving).rejects.toThrow(ErrCanceled);
    queue.giveBack(thread);
    expect(await staying).toBe(thread);
  });

  it("ends its threads and those who wait for one", async () => {
    const { queue, started } = queueOf(2);
    const idle = await queue.take(1, {});
    await queue.take(1, {});
    queue.giveBack(idle);
    await queue.take(1, {});
    const waiting = queue.take(1, {});
    await queue.end();
    await expect(waiting).rejects.toThrow(ErrUnavailable);
    expect(started.map(({ isEnded }) => isEnded)).toEqual([true, true]);
  });
});
