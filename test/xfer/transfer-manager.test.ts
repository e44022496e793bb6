import { describe, expect, it } from "vitest";
import {
  ErrCanceled,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrUnavailable,
} from "../../src/errors/classes.ts";
import { isCanceled } from "../../src/errors/predicates.ts";
import { message, type StepProgress, update } from "../../src/progress/progress.ts";
import type { Job } from "../../src/xfer/job.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { ControlledRun } from "./controlled-run.ts";
import { flush, stateOf } from "./flush.ts";

const at = (bytes: number): StepProgress => update("layer", "Downloading", bytes, 10);

function occupied(concurrency = 1): { manager: TransferManager; blocker: ControlledRun } {
  const manager = new TransferManager({ concurrency });
  const blocker = new ControlledRun();
  for (let i = 0; i < concurrency; i++) manager.transfer(`blocker-${i}`, blocker.run);
  return { manager, blocker };
}

/** A job of a full manager that waits until the test ends its wait, and what its watcher sees. */
async function waitingJob() {
  const manager = new TransferManager({ concurrency: 1 });
  const wait = Promise.withResolvers<string>();
  const seen: string[] = [];
  const watcher = manager.transfer(
    "key",
    async (job) => await job.waiter("layer").wait("Waiting for the crane", () => wait.promise),
    {
      onProgress: (progress) => void (progress.kind === "update" && seen.push(progress.action)),
      waiting: update("layer", "Waiting", 0, 0),
    },
  );
  const other = new ControlledRun();
  manager.transfer("other", other.run);
  await flush();
  return { manager, wait, seen, watcher, other };
}

const waits = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

describe("Job.waiter()", () => {
  it("gives the slot to another job while it waits, and shows for what", async () => {
    const { seen, other } = await waitingJob();
    expect(other.calls).toBe(1);
    expect(seen).toEqual(["Waiting for the crane"]);
  });

  it("queues for a slot again before it goes on", async () => {
    const { wait, seen, watcher, other } = await waitingJob();
    wait.resolve("done");
    await flush();
    expect(await stateOf(watcher.done)).toBe("pending");
    expect(seen).toEqual(["Waiting for the crane", "Waiting"]);
    other.finish("other");
    expect(await watcher.done).toBe("done");
  });

  it("does not queue for a slot when the wait fails", async () => {
    const { wait, watcher } = await waitingJob();
    wait.reject(new ErrUnavailable("no crane"));
    await expect(watcher.done).rejects.toThrow("no crane");
  });

  it("takes the slot again when the outermost of several waits is over", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const slots: number[] = [];
    await manager.transfer("key", async (job) => {
      const waiter = job.waiter("layer");
      await waiter.wait("outer", async () => {
        await flush();
        await waiter.wait("inner", async () => void slots.push(manager.running));
        await flush();
        slots.push(manager.running);
      });
      slots.push(manager.running);
    }).done;
    expect(slots).toEqual([0, 0, 1]);
  });

  it("ends the wait when the last watcher leaves", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    let outcome: Promise<unknown> = Promise.resolve();
    const watcher = manager.transfer("key", async (job) => {
      outcome = job.waiter("layer").wait("for ever", waits);
      return await outcome;
    });
    await flush();
    await watcher.release();
    await expect(outcome).rejects.toThrow(ErrCanceled);
  });
});

describe("Job.active()", () => {
  it("is no unhandled rejection when a run that ends has left it alone", async () => {
    const { manager } = occupied();
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    manager.setConcurrency(2);
    const watcher = manager.transfer("key", async (job) => {
      job.inactive();
      manager.setConcurrency(1);
      void job.active();
      return "done";
    });
    expect(await watcher.done).toBe("done");
    await flush();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });
});

describe("TransferManager.transfer()", () => {
  it("runs each job with growing progress up to the last value (TestTransfer)", async () => {
    const manager = new TransferManager({ concurrency: 5 });
    const seen = new Map<string, number[]>();
    const watchers = ["a", "b", "c"].map((key) => {
      const run = async (job: Job): Promise<string> => {
        for (let i = 0; i <= 10; i++) {
          job.progress(update(key, "testing", i, 10));
          await Promise.resolve();
        }
        return key;
      };
      const onProgress = (progress: StepProgress): void => {
        if (progress.kind === "update") seen.set(key, [...(seen.get(key) ?? []), progress.currentBytes]);
      };
      return manager.transfer(key, run, { onProgress });
    });

    expect(await Promise.all(watchers.map((watcher) => watcher.done))).toEqual(["a", "b", "c"]);
    await Promise.all(watchers.map((watcher) => watcher.release()));
    for (const key of ["a", "b", "c"]) expect(seen.get(key)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("never runs more than the limit at once, and all in the end (TestConcurrencyLimit)", async () => {
    const manager = new TransferManager({ concurrency: 3 });
    const runs = Array.from({ length: 8 }, () => new ControlledRun());
    const watchers = runs.map((run, i) => manager.transfer(`key-${i}`, run.run));

    for (let ended = 0; ended < runs.length; ended++) {
      await flush();
      expect(runs.filter((run) => run.calls === 1)).toHaveLength(Math.min(ended + 3, runs.length));
      runs[ended]?.finish(`result-${ended}`);
    }
    expect(await Promise.all(watchers.map((watcher) => watcher.done))).toHaveLength(8);
    await flush();
    expect(manager).toMatchObject({ size: 0, running: 0, waiting: 0 });
  });

  it("lets others run while a job is inactive (TestInactiveJobs)", async () => {
    const manager = new TransferManager({ concurrency: 3 });
    const runs = Array.from({ length: 8 }, () => new ControlledRun());
    const watchers = runs.map((run, i) => manager.transfer(`key-${i}`, run.run));

    await flush();
    for (const run of runs) {
      expect(manager.running).toBeLessThanOrEqual(3);
      run.job.inactive();
      await flush();
    }
    expect(manager).toMatchObject({ size: 8, running: 0, waiting: 0 });
    for (const run of runs) run.finish("done");
    expect(await Promise.all(watchers.map((watcher) => watcher.done))).toHaveLength(8);
  });

  it("shows every watcher the progress, and cancels when the last one leaves (TestWatchRelease)", async () => {
    const manager = new TransferManager({ concurrency: 5 });
    const run = new ControlledRun();
    const seen: StepProgress[][] = [[], [], [], [], []];
    const watchers = seen.map((list) =>
      manager.transfer("key", run.run, { onProgress: (progress) => void list.push(progress) }),
    );
    await flush();
    run.job.progress(at(1));
    expect(seen).toEqual(Array.from({ length: 5 }, () => [at(1)]));

    for (const watcher of watchers) {
      expect(run.job.signal.aborted).toBe(false);
      await watcher.release();
    }
    expect(run.job.signal.aborted).toBe(true);
    expect(isCanceled(run.job.signal.reason)).toBe(true);
    run.fail(new Error("stopped"));
    await run.job.released;
  });

  it("fires released after the end only when all watchers have left (TestWatchFinishedTransfer)", async () => {
    const manager = new TransferManager({ concurrency: 5 });
    const run = new ControlledRun();
    const first = manager.transfer("key", run.run);
    const second = manager.transfer("key", run.run);
    await flush();
    run.finish("value");
    await first.done;

    await first.release();
    expect(await stateOf(run.job.released)).toBe("pending");
    expect(await second.done).toBe("value");
    await second.release();
    await run.job.released;
    expect(run.job.signal.aborted).toBe(false);
  });

  it("runs once for five requests of one key, each of which sees the progress (TestDuplicateTransfer)", async () => {
    const manager = new TransferManager({ concurrency: 5 });
    const run = new ControlledRun();
    const seen: StepProgress[][] = [[], [], [], [], []];
    const watchers = seen.map((list) =>
      manager.transfer("key", run.run, { onProgress: (progress) => void list.push(progress) }),
    );
    await flush();
    run.job.progress(at(10));
    run.finish("value");

    expect(await Promise.all(watchers.map((watcher) => watcher.done))).toEqual(Array(5).fill("value"));
    expect(run.calls).toBe(1);
    expect(seen).toEqual(Array.from({ length: 5 }, () => [at(10)]));
    await Promise.all(watchers.map((watcher) => watcher.release()));
    await run.job.released;
  });

  it("does not reuse a job that has just ended", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const first = manager.transfer("key", run.run);
    await flush();
    run.finish("old");
    await first.done;

    const second = manager.transfer("key", run.run);
    await flush();
    expect(run.calls).toBe(2);
    run.finish("new");
    expect(await second.done).toBe("new");
    expect(await first.done).toBe("old");
  });

  it("runs everything at once without a limit", async () => {
    const manager = new TransferManager({ concurrency: 0 });
    const run = new ControlledRun();
    for (let i = 0; i < 50; i++) manager.transfer(`key-${i}`, run.run);
    await flush();
    expect(run.calls).toBe(50);
  });

  it("rejects done when run throws before it returns a promise, and goes on with the next", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const error = new ErrUnavailable("at once");
    const failed = manager.transfer("a", () => {
      throw error;
    });
    const next = manager.transfer("b", () => Promise.resolve("fine"));
    await expect(failed.done).rejects.toBe(error);
    expect(await next.done).toBe("fine");
  });

  it("leaves no unhandled rejection when nobody listens", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const { manager, blocker } = occupied();
    await manager.transfer("queued", blocker.run).release();
    await flush();
    blocker.fail(new Error("nobody listens"));
    await flush();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses priority %d and keeps nothing", (priority) => {
    const manager = new TransferManager({ concurrency: 1 });
    expect(() => manager.transfer("key", async () => {}, { priority })).toThrow(ErrInvalidArgument);
    expect(manager).toMatchObject({ size: 0, running: 0, waiting: 0 });
  });
});

describe("Watcher.release()", () => {
  it("takes a queued job out of the queue at once, and never runs it", async () => {
    const { manager, blocker } = occupied();
    const run = new ControlledRun();
    const watcher = manager.transfer("key", run.run);
    expect(manager.waiting).toBe(1);

    await watcher.release();
    expect(manager).toMatchObject({ waiting: 0, size: 1 });
    await expect(watcher.done).rejects.toThrow(ErrCanceled);
    await flush();
    blocker.finish("free");
    await flush();
    expect(run.calls).toBe(0);
  });

  it("never runs a job whose watcher left in the moment of its start", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    await manager.transfer("key", run.run).release();
    await flush();
    expect(run.calls).toBe(0);
    expect(manager.running).toBe(0);
  });

  it("lets a new request of a canceled key start at once, while the old run winds down", async () => {
    const manager = new TransferManager({ concurrency: 2 });
    const old = new ControlledRun();
    const first = manager.transfer("key", old.run);
    await flush();
    await first.release();

    const fresh = new ControlledRun();
    const second = manager.transfer("key", fresh.run);
    await flush();
    expect(fresh.calls).toBe(1);
    expect(fresh.job.signal.aborted).toBe(false);

    old.fail(new Error("stopped")); // its end must not touch the fresh job of the same key
    await flush();
    expect(manager.size).toBe(1);
    fresh.finish("fresh");
    expect(await second.done).toBe("fresh");
  });

  it("starts afresh for a key whose queued job was canceled", async () => {
    const { manager, blocker } = occupied();
    const run = new ControlledRun();
    await manager.transfer("key", run.run).release();
    const second = manager.transfer("key", run.run);
    await flush();
    blocker.finish("free");
    await flush();
    expect(run.calls).toBe(1);
    run.finish("value");
    expect(await second.done).toBe("value");
  });

  it("keeps the slot of a canceled job until its run has settled", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const old = new ControlledRun();
    const next = new ControlledRun();
    const watcher = manager.transfer("old", old.run);
    await flush();
    manager.transfer("next", next.run);
    await watcher.release();
    await flush();
    expect(next.calls).toBe(0);

    old.fail(new Error("stopped"));
    await flush();
    expect(next.calls).toBe(1);
  });

  it("rejects done of the one who leaves, at once, while the others go on", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const leader = manager.transfer("key", run.run);
    const joiner = manager.transfer("key", run.run);
    await flush();

    await leader.release();
    await expect(leader.done).rejects.toThrow(ErrCanceled);
    expect(run.job.signal.aborted).toBe(false);
    run.finish("value");
    expect(await joiner.done).toBe("value");
  });

  it("does nothing the second time", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const first = manager.transfer("key", run.run);
    manager.transfer("key", run.run);
    await flush();
    await first.release();
    await first.release();
    await first[Symbol.asyncDispose]();
    expect(run.job.signal.aborted).toBe(false);
  });

  it("does not wait for the job to wind down", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const watcher = manager.transfer("key", run.run);
    await flush();
    await watcher.release();
    expect(await stateOf(run.job.released)).toBe("pending");
    run.finish("too late");
    await run.job.released;
    await expect(watcher.done).rejects.toThrow(ErrCanceled);
  });
});

/** The keys of queued jobs in the order in which they start, once the only slot is free. */
async function order(
  arrange: (manager: TransferManager, log: string[]) => void | Promise<void>,
): Promise<string[]> {
  const { manager, blocker } = occupied();
  const log: string[] = [];
  await flush();
  await arrange(manager, log);
  blocker.finish("free");
  await flush();
  return log;
}

const logging = (log: string[], key: string) => (): Promise<void> => {
  log.push(key);
  return Promise.resolve();
};

describe("a lane that gets its turn in the moment in which it is told to end", () => {
  it("takes no slot: nobody would give it back", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const first = new ControlledRun();
    const watchers = [
      manager.transfer("key", first.run, { source: "a" }),
      manager.transfer("key", new ControlledRun().run, { source: "b" }),
    ];
    await flush();
    first.finish("done");
    expect(await Promise.all(watchers.map(({ done }) => done))).toEqual(["done", "done"]);
    await Promise.all(watchers.map((watcher) => watcher.release()));
    await flush();
    expect([manager.running, manager.waiting]).toEqual([0, 0]);
  });
});

describe("Watcher.setPriority()", () => {
  it("starts higher priorities first, and equals in their order", async () => {
    const log = await order((manager, started) => {
      for (const [key, priority] of [
        ["a", 0],
        ["b", 5],
        ["c", -1],
        ["d", 5],
        ["e", 0],
      ] as const) {
        manager.transfer(key, logging(started, key), { priority });
      }
    });
    expect(log).toEqual(["b", "d", "a", "e", "c"]);
  });

  it("raises and lowers a queued job", async () => {
    const log = await order((manager, started) => {
      const [a, , c] = ["a", "b", "c"].map((key) => manager.transfer(key, logging(started, key)));
      c?.setPriority(1);
      a?.setPriority(-1);
    });
    expect(log).toEqual(["c", "b", "a"]);
  });

  it("keeps the place in the queue when the priority stays the same", async () => {
    const log = await order((manager, started) => {
      const [a] = ["a", "b"].map((key) => manager.transfer(key, logging(started, key)));
      a?.setPriority(0);
    });
    expect(log).toEqual(["a", "b"]);
  });

  it("counts the highest of the watchers of a shared job", async () => {
    const log = await order((manager, started) => {
      manager.transfer("a", logging(started, "a"), { priority: 1 });
      manager.transfer("b", logging(started, "b"));
      manager.transfer("b", logging(started, "b"), { priority: 2 });
    });
    expect(log).toEqual(["b", "a"]);
  });

  it("is computed anew when the watcher with the highest leaves", async () => {
    const log = await order(async (manager, started) => {
      manager.transfer("b", logging(started, "b"));
      const urgent = manager.transfer("b", logging(started, "b"), { priority: 2 });
      manager.transfer("a", logging(started, "a"), { priority: 1 });
      await urgent.release();
      urgent.setPriority(9); // who has left has no say
    });
    expect(log).toEqual(["a", "b"]);
  });

  it("does nothing for a running job but refuse what is not finite", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const watcher = manager.transfer("key", new ControlledRun().run);
    await flush();
    watcher.setPriority(3);
    expect(() => watcher.setPriority(Number.NaN)).toThrow(ErrInvalidArgument);
  });
});

describe("TransferManager.setConcurrency()", () => {
  it("starts queued jobs at once when it is raised", async () => {
    const { manager } = occupied();
    const run = new ControlledRun();
    for (let i = 0; i < 4; i++) manager.transfer(`key-${i}`, run.run);
    manager.setConcurrency(3);
    await flush();
    expect(run.calls).toBe(2);
    manager.setConcurrency(0);
    await flush();
    expect(run.calls).toBe(4);
  });

  it("starts none after lowering until fewer than the new limit run", async () => {
    const manager = new TransferManager({ concurrency: 3 });
    const runs = Array.from({ length: 5 }, () => new ControlledRun());
    runs.forEach((run, i) => void manager.transfer(`key-${i}`, run.run));
    await flush();
    manager.setConcurrency(1);
    const started = (): number => runs.filter((run) => run.calls > 0).length;

    runs[0]?.finish("done");
    await flush();
    runs[1]?.finish("done");
    await flush();
    expect(started()).toBe(3);
    runs[2]?.finish("done");
    await flush();
    expect(started()).toBe(4);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses %d", (concurrency) => {
    expect(() => new TransferManager({ concurrency })).toThrow(ErrInvalidArgument);
    expect(() => new TransferManager({ concurrency: 1 }).setConcurrency(concurrency)).toThrow(
      ErrInvalidArgument,
    );
  });
});

describe("Job.active()", () => {
  it("queues for a slot again, behind who came before at the same priority", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const first = new ControlledRun();
    const second = new ControlledRun();
    const third = new ControlledRun();
    manager.transfer("first", first.run);
    manager.transfer("second", second.run);
    manager.transfer("third", third.run);
    await flush();
    first.job.inactive();
    await flush();
    expect([second.calls, third.calls]).toEqual([1, 0]);

    const again = first.job.active();
    second.finish("done");
    await flush();
    expect(third.calls).toBe(1);
    expect(await stateOf(again)).toBe("pending");
    third.finish("done");
    await again;
    expect(manager.running).toBe(1);
  });

  it("asks at the present priority of the job", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const first = new ControlledRun();
    const second = new ControlledRun();
    const third = new ControlledRun();
    const watcher = manager.transfer("first", first.run);
    manager.transfer("second", second.run);
    manager.transfer("third", third.run);
    await flush();
    first.job.inactive();
    watcher.setPriority(1);
    await flush();
    const again = first.job.active();
    second.finish("done");
    await again;
    expect(third.calls).toBe(0);
  });

  it("resolves at once while the slot is held, and holds one slot however often it is asked", async () => {
    const manager = new TransferManager({ concurrency: 2 });
    const run = new ControlledRun();
    manager.transfer("key", run.run);
    await flush();
    await run.job.active();
    run.job.inactive();
    run.job.inactive();
    await Promise.all([run.job.active(), run.job.active()]);
    await flush();
    expect(manager.running).toBe(1);
  });

  it("queues once however often it is asked", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const first = new ControlledRun();
    const second = new ControlledRun();
    manager.transfer("first", first.run);
    manager.transfer("second", second.run);
    await flush();
    first.job.inactive();
    await flush();
    const both = Promise.all([first.job.active(), first.job.active()]);
    expect(manager.waiting).toBe(1);
    second.finish("done");
    await both;
    expect(manager).toMatchObject({ running: 1, waiting: 0 });
  });

  it("rejects with ErrCanceled and leaves the queue when the last watcher leaves", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const first = new ControlledRun();
    const watcher = manager.transfer("first", first.run);
    manager.transfer("second", new ControlledRun().run);
    await flush();
    first.job.inactive();
    await flush();
    const again = first.job.active();
    await watcher.release();
    await expect(again).rejects.toThrow(ErrCanceled);
    expect(manager.waiting).toBe(0);
    await expect(first.job.active()).rejects.toThrow(ErrCanceled);
  });

  it("leaves no slot behind when run ends without waiting for it", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const first = new ControlledRun();
    const second = new ControlledRun();
    const watcher = manager.transfer("first", first.run);
    manager.transfer("second", second.run);
    await flush();
    first.job.inactive();
    await flush();
    const again = first.job.active();
    first.finish("value");
    expect(await watcher.done).toBe("value");
    await expect(again).rejects.toThrow(ErrCanceled);
    await expect(first.job.active()).rejects.toThrow(ErrFailedPrecondition);
    second.finish("done");
    await flush();
    expect(manager).toMatchObject({ size: 0, running: 0, waiting: 0 });
  });
});

describe("TransferOptions.onProgress", () => {
  it("is not called before transfer() has returned", async () => {
    const { manager } = occupied();
    const seen: StepProgress[] = [];
    const waiting = update("layer", "Waiting", 0, 0);
    manager.transfer("key", new ControlledRun().run, { waiting, onProgress: (p) => void seen.push(p) });
    expect(seen).toEqual([]);
    await flush();
    expect(seen).toEqual([waiting]);
  });

  it("shows a late watcher the last value, also when the job ends at the same moment", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const first = manager.transfer("key", run.run);
    await flush();
    run.job.progress(at(4));
    run.job.progress(at(7));
    const seen: StepProgress[] = [];
    run.finish("value");
    const late = manager.transfer("key", run.run, { onProgress: (progress) => void seen.push(progress) });
    expect(await late.done).toBe("value");
    await late.release();
    expect(seen).toEqual([at(7)]);
    await first.release();
  });

  it('shows "waiting" to leader and joiner while the job is queued, and only then', async () => {
    const { manager, blocker } = occupied();
    const waiting = update("layer", "Waiting", 0, 0);
    const run = new ControlledRun();
    const leader: StepProgress[] = [];
    const joiner: StepProgress[] = [];
    manager.transfer("key", run.run, { waiting, onProgress: (progress) => void leader.push(progress) });
    await flush();
    manager.transfer("key", run.run, { waiting, onProgress: (progress) => void joiner.push(progress) });
    await flush();
    expect([leader, joiner]).toEqual([[waiting], [waiting]]);

    blocker.finish("free");
    await flush();
    const other = new ControlledRun();
    const straight: StepProgress[] = [];
    manager.setConcurrency(2);
    manager.transfer("free", other.run, { waiting, onProgress: (progress) => void straight.push(progress) });
    await flush();
    expect(straight).toEqual([]);
  });

  it("hears nothing after release() has resolved, or from a job that has ended", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const gone: StepProgress[] = [];
    const there: StepProgress[] = [];
    const leaver = manager.transfer("key", run.run, { onProgress: (progress) => void gone.push(progress) });
    const stayer = manager.transfer("key", run.run, { onProgress: (progress) => void there.push(progress) });
    await flush();
    run.job.progress(at(1));
    await leaver.release();
    run.job.progress(at(2));
    run.finish("value");
    await stayer.done;
    run.job.progress(at(3));
    expect(gone).toEqual([at(1)]);
    expect(there).toEqual([at(1), at(2)]);
  });

  it("that throws ends its own progress only", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    const good: StepProgress[] = [];
    let calls = 0;
    const broken = manager.transfer("key", run.run, {
      onProgress: () => {
        calls++;
        throw new Error("client is gone");
      },
    });
    manager.transfer("key", run.run, { onProgress: (progress) => void good.push(progress) });
    await flush();
    run.job.progress(at(1));
    run.job.progress(at(2));
    run.job.progress(message("layer", "text"));
    run.finish("value");
    expect(await broken.done).toBe("value");
    await broken.release();
    await flush();
    process.off("warning", note);
    expect(calls).toBe(1);
    expect(good).toEqual([at(1), at(2), message("layer", "text")]);
    expect(warnings.map((warning) => warning.name)).toEqual(["DrayageProgressWarning"]);
  });
});
