import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { abortable } from "../../src/async/abort.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrDeadlineExceeded,
  ErrNotFound,
  ErrResourceExhausted,
  ErrUnauthenticated,
} from "../../src/errors/classes.ts";
import { type Progress, update } from "../../src/progress/progress.ts";
import type { Job } from "../../src/xfer/job.ts";
import { transferShared } from "../../src/xfer/shared-transfer.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { BODY_PATIENCE_FACTOR, PATIENCE_MS } from "../../src/xfer/turns.ts";
import { ControlledRun } from "./controlled-run.ts";
import { flush, stateOf } from "./flush.ts";
import { ManualClock } from "./manual-clock.ts";

const denied = (endpoint: string): ErrUnauthenticated => new ErrUnauthenticated("no", { endpoint });

/** The signal of an attempt that goes on until it is broken off. */
function attemptOf(job: Job): AbortSignal {
  let begun = AbortSignal.abort();
  const attempt = job.attempt((signal) => {
    begun = signal;
    return abortable(new Promise(() => {}), signal);
  });
  attempt.catch(() => {});
  return begun;
}

/** A leader from one source, and a joiner from another. */
async function two() {
  const clock = new ManualClock();
  const manager = new TransferManager({ concurrency: 2, clock });
  const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
  const seen: string[] = [];
  const first = transferShared(manager, "key", leader.run, { source: "a" });
  const second = transferShared(manager, "key", joiner.run, {
    source: "b",
    onProgress: (progress) => void (progress.kind === "update" && seen.push(progress.action)),
  });
  await flush();
  return { clock, manager, leader, joiner, first, second, seen };
}

describe("transferShared()", () => {
  it("gives all callers of a key the one result, and leaves the transfer", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
    const both = Promise.all([
      transferShared(manager, "key", leader.run),
      transferShared(manager, "key", joiner.run),
    ]);
    await flush();
    leader.finish("value");
    expect(await both).toEqual(["value", "value"]);
    expect(joiner.calls).toBe(0);
    await leader.job.released;
  });

  it.each([
    ["credentials", denied("https://a.example")],
    ["a missing blob", new ErrNotFound("no", { endpoint: "https://a.example" })],
    ["a wrapped source error", new Error("wrapped", { cause: denied("https://a.example") })],
    ["the leader's own cancellation", new ErrCanceled("leader gave up")],
    ["the leader's own deadline", new ErrDeadlineExceeded("leader was late")],
  ])("goes on with its own source when the leader died of %s", async (_name, error) => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
    const first = transferShared(manager, "key", leader.run);
    const second = transferShared(manager, "key", joiner.run);
    await flush();
    leader.fail(error);
    await expect(first).rejects.toBe(error);
    await flush();
    expect([leader.calls, joiner.calls]).toEqual([1, 1]);
    joiner.finish("by its own source");
    expect(await second).toBe("by its own source");
  });

  it.each([
    ["a full disk", new ErrResourceExhausted("no space left on device")],
    ["data that is wrong on disk", new ErrDataLoss("wrong digest")],
  ])("shares %s with all of one source", async (_name, error) => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
    const first = transferShared(manager, "key", leader.run, { source: "a" });
    const second = transferShared(manager, "key", joiner.run, { source: "a" });
    await flush();
    leader.fail(error);
    await expect(first).rejects.toBe(error);
    await expect(second).rejects.toBe(error);
    expect(joiner.calls).toBe(0);
  });

  it("asks a source that is broken once, whoever joined from there", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const runs = Array.from({ length: 10 }, () => new ControlledRun());
    const results = runs.map((run) => transferShared(manager, "key", run.run, { source: "broken" }));
    await flush();
    const error = denied("https://a.example");
    runs[0]?.fail(error);
    for (const result of results) await expect(result).rejects.toBe(error);
    expect(runs.map((run) => run.calls).reduce((sum, calls) => sum + calls)).toBe(1);
  });

  it.each([
    ["threw what is none of our errors", new TypeError("vault sealed")],
    ["gave up", new ErrCanceled("leader gave up")],
  ])("lets those of one source go on, side by side, when the leader %s", async (_, error) => {
    const manager = new TransferManager({ concurrency: 3 });
    const runs = Array.from({ length: 3 }, () => new ControlledRun());
    const results = runs.map((run) => transferShared(manager, "key", run.run, { source: "same" }));
    await flush();
    runs[0]?.fail(error);
    await expect(results[0]).rejects.toBe(error);
    await flush();
    runs[1]?.finish("own credentials work");
    expect(await Promise.all(results.slice(1))).toEqual(["own credentials work", "own credentials work"]);
  });

  describe("with a leader that", () => {
    it("waits is not waited for, and gets what the other source brings", async () => {
      const { leader, joiner, first, second, seen } = await two();
      expect(joiner.calls).toBe(0);
      const wait = leader.job.waiter("layer").wait("Retrying in 100 seconds", () => new Promise(() => {}));
      wait.catch(() => {}); // ends with the transfer
      await flush();
      expect(joiner.calls).toBe(1);
      joiner.job.progress(update("layer", "Downloading", 1, 2));
      leader.job.progress(update("layer", "Retrying in 99 seconds", 0, 0));
      joiner.finish("by the joiner");
      expect(await Promise.all([first, second])).toEqual(["by the joiner", "by the joiner"]);
      expect(leader.job.signal.aborted).toBe(true);
      expect(seen).toEqual(["Retrying in 100 seconds", "Downloading"]);
    });

    it("is ready again lets the other source finish its turn", async () => {
      const { leader, joiner, first, second } = await two();
      second.catch(() => {}); // the joiner's own failure
      leader.job.inactive();
      await flush();
      const again = leader.job.active();
      expect(await stateOf(again)).toBe("pending");
      joiner.fail(denied("https://b.example"));
      await again;
      leader.finish("after all");
      expect(await first).toBe("after all");
    });

    it("moves nothing is not waited for either", async () => {
      const { clock, leader, joiner, first, second } = await two();
      await clock.advance(PATIENCE_MS);
      expect(joiner.calls).toBe(1);
      leader.finish("late");
      expect(await Promise.all([first, second])).toEqual(["late", "late"]);
      expect(joiner.job.signal.aborted).toBe(true);
    });

    it("moves bytes is not disturbed", async () => {
      const { clock, leader, joiner } = await two();
      for (let round = 0; round < 3 * BODY_PATIENCE_FACTOR; round++) {
        leader.job.moved();
        await clock.advance(PATIENCE_MS);
      }
      expect(joiner.calls).toBe(0);
    });

    it("stops in the middle is not waited for either, only longer", async () => {
      const { clock, leader, joiner } = await two();
      const attempt = attemptOf(leader.job);
      leader.job.moved();
      await clock.advance((BODY_PATIENCE_FACTOR - 1) * PATIENCE_MS);
      expect([attempt.aborted, joiner.calls]).toEqual([false, 0]);
      await clock.advance(PATIENCE_MS);
      expect(attempt.aborted).toBe(true);
      leader.job.inactive();
      await flush();
      expect(joiner.calls).toBe(1);
    });

    it("is told to break off comes again after the other source, with more patience", async () => {
      const { clock, leader, joiner, first } = await two();
      const [one, other] = [leader.job, attemptOf(leader.job)];
      await clock.advance(PATIENCE_MS);
      expect([other.aborted, one.signal.aborted, joiner.calls]).toEqual([true, false, 0]);
      one.inactive();
      const again = one.active();
      await flush();
      expect(joiner.calls).toBe(1);
      const attempt = attemptOf(joiner.job);
      await clock.advance(PATIENCE_MS);
      expect(attempt.aborted).toBe(true);
      joiner.job.inactive();
      const joinerAgain = joiner.job.active();
      joinerAgain.catch(() => {}); // ends with the transfer
      await again;
      const second = attemptOf(one);
      await clock.advance(PATIENCE_MS);
      expect(second.aborted).toBe(false);
      leader.finish("slow to begin");
      expect(await first).toBe("slow to begin");
    });

    it("waits in an attempt has the turn until another source wants it, as it may hold what that needs", async () => {
      const { clock, leader, joiner } = await two();
      const over = Promise.withResolvers<void>();
      const attempt = leader.job.attempt((signal) =>
        leader.job
          .waiter("layer")
          .wait("Waiting for a.example", (gone) => abortable(over.promise, gone))
          .catch((error: unknown) => {
            expect(signal.aborted).toBe(true);
            throw error;
          }),
      );
      attempt.catch(() => {});
      await flush();
      expect(joiner.calls).toBe(0);
      await clock.advance(PATIENCE_MS);
      await expect(attempt).rejects.toThrow("another source may be ready");
      expect(leader.job.signal.aborted).toBe(false);
      leader.job.inactive();
      await flush();
      expect(joiner.calls).toBe(1);
    });

    it("waits between two attempts is not waited for", async () => {
      const { leader, joiner } = await two();
      await leader.job.attempt(async () => {});
      const wait = leader.job.waiter("layer").wait("Retrying in 9 seconds", () => new Promise(() => {}));
      wait.catch(() => {}); // ends with the transfer
      await flush();
      expect(joiner.calls).toBe(1);
    });

    it("leaves while it moves bytes goes on for the others", async () => {
      const clock = new ManualClock();
      const manager = new TransferManager({ concurrency: 2, clock });
      const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
      const abort = new AbortController();
      const first = transferShared(manager, "key", leader.run, { source: "a", signal: abort.signal });
      const second = transferShared(manager, "key", joiner.run, { source: "b" });
      await flush();
      abort.abort();
      await expect(first).rejects.toThrow(ErrCanceled);
      expect(leader.job.signal.aborted).toBe(false);
      leader.job.inactive();
      expect(leader.job.signal.aborted).toBe(true); // nobody of its source waits for it any more
      leader.fail(new ErrCanceled("stopped"));
      await flush();
      joiner.finish("by the joiner");
      expect(await second).toBe("by the joiner");
    });
  });

  it("calls each sink in the asynchronous context of its own caller, and the run in nobody's", async () => {
    const context = new AsyncLocalStorage<string>();
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const go = Promise.withResolvers<void>();
    const seen: unknown[] = [];
    const run = async (job: Job): Promise<string> => {
      await go.promise;
      seen.push(["run", context.getStore()]);
      job.progress(update("layer", "Downloading", 1, 1));
      return "value";
    };
    const results = ["leader", "joiner"].map((name) =>
      context.run(name, () =>
        transferShared(manager, "key", run, {
          source: "same",
          onProgress: () => void seen.push([name, context.getStore()]),
        }),
      ),
    );
    await flush();
    go.resolve();
    await Promise.all(results);
    expect(seen).toEqual([
      ["run", undefined],
      ["leader", "leader"],
      ["joiner", "joiner"],
    ]);
  });

  it("lets each waiter lead once, one after the other, until one succeeds for the rest", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const runs = Array.from({ length: 4 }, () => new ControlledRun());
    const results = runs.map((run) => transferShared(manager, "key", run.run));
    const errors = runs.map((_, i) => denied(`https://${i}.example`));
    for (let i = 0; i < 2; i++) {
      await flush();
      runs[i]?.fail(errors[i]);
      await expect(results[i]).rejects.toBe(errors[i]);
    }
    await flush();
    expect(runs.map((run) => run.calls)).toEqual([1, 1, 1, 0]);
    expect(manager.size).toBe(1);
    runs[2]?.finish("third time");
    expect(await Promise.all(results.slice(2))).toEqual(["third time", "third time"]);
  });

  it("ends with its own error when every source is bad, each asked once", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const runs = Array.from({ length: 3 }, () => new ControlledRun());
    const results = runs.map((run) => transferShared(manager, "key", run.run));
    for (const [i, run] of runs.entries()) {
      await flush();
      const error = denied(`https://${i}.example`);
      run.fail(error);
      await expect(results[i]).rejects.toBe(error);
    }
    expect(runs.map((run) => run.calls)).toEqual([1, 1, 1]);
    await flush();
    expect(manager).toMatchObject({ size: 0, running: 0, waiting: 0 });
  });

  it("rejects at once when its signal fires, while the others keep the transfer", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const run = new ControlledRun();
    const abort = new AbortController();
    const leader = transferShared(manager, "key", run.run, { signal: abort.signal });
    const joiner = transferShared(manager, "key", run.run);
    await flush();
    abort.abort();
    await expect(leader).rejects.toThrow(ErrCanceled);
    expect(run.job.signal.aborted).toBe(false);
    run.finish("value");
    expect(await joiner).toBe("value");
  });

  it("cancels the job when the last caller's signal fires, and does not wait for its end", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const run = new ControlledRun();
    const abort = new AbortController();
    const result = transferShared(manager, "key", run.run, { signal: abort.signal });
    await flush();
    abort.abort();
    await expect(result).rejects.toThrow(ErrCanceled);
    expect(run.job.signal.aborted).toBe(true);
    expect(await stateOf(run.job.released)).toBe("pending");
    run.fail(new Error("stopped"));
  });

  it("rejects at once when its signal fires although its sink is stuck", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const run = new ControlledRun();
    const abort = new AbortController();
    const result = transferShared(manager, "key", run.run, {
      signal: abort.signal,
      onProgress: () => new Promise(() => {}),
    });
    await flush();
    run.job.progress(update("layer", "Downloading", 1, 2));
    abort.abort();
    await expect(result).rejects.toThrow(ErrCanceled);
  });

  it("starts nothing when its signal has fired before", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const run = new ControlledRun();
    await expect(transferShared(manager, "key", run.run, { signal: AbortSignal.abort() })).rejects.toThrow(
      ErrCanceled,
    );
    await flush();
    expect(run.calls).toBe(0);
  });

  it("does not lead a new transfer when it was canceled while another one failed", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
    const abort = new AbortController();
    const first = transferShared(manager, "key", leader.run);
    const second = transferShared(manager, "key", joiner.run, { signal: abort.signal });
    await flush();
    leader.fail(denied("https://a.example"));
    abort.abort();
    await expect(first).rejects.toThrow("no");
    await expect(second).rejects.toThrow(ErrCanceled);
    await flush();
    expect(joiner.calls).toBe(0);
  });

  it("has delivered the last progress when it resolves, and goes on showing after a change of source", async () => {
    const manager = new TransferManager({ concurrency: 1, clock: new ManualClock() });
    const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
    const seen: Progress[] = [];
    const first = transferShared(manager, "key", leader.run);
    const second = transferShared(manager, "key", joiner.run, {
      onProgress: async (progress) => {
        await flush();
        seen.push(progress);
      },
    });
    await flush();
    leader.job.progress(update("layer", "Downloading", 1, 2));
    leader.fail(denied("https://a.example"));
    await expect(first).rejects.toThrow("no");
    while (joiner.calls === 0) await flush();
    joiner.job.progress(update("layer", "Downloading", 2, 2));
    joiner.finish("value");
    await second;
    expect(seen.at(-1)).toEqual(update("layer", "Downloading", 2, 2));
  });
});
