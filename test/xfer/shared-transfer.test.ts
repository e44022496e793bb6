import { describe, expect, it } from "vitest";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrDeadlineExceeded,
  ErrNotFound,
  ErrResourceExhausted,
  ErrUnauthenticated,
} from "../../src/errors/classes.ts";
import { type Progress, update } from "../../src/progress/progress.ts";
import { transferShared } from "../../src/xfer/shared-transfer.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { ControlledRun } from "./controlled-run.ts";
import { flush, stateOf } from "./flush.ts";

const denied = (endpoint: string): ErrUnauthenticated => new ErrUnauthenticated("no", { endpoint });

describe("transferShared()", () => {
  it("gives all callers of a key the one result, and leaves the transfer", async () => {
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
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
    ["an error of another kind", new TypeError("defect")],
  ])("shares %s with everybody", async (_name, error) => {
    const manager = new TransferManager({ concurrency: 1 });
    const [leader, joiner] = [new ControlledRun(), new ControlledRun()];
    const first = transferShared(manager, "key", leader.run);
    const second = transferShared(manager, "key", joiner.run);
    await flush();
    leader.fail(error);
    await expect(first).rejects.toBe(error);
    await expect(second).rejects.toBe(error);
    expect(joiner.calls).toBe(0);
  });

  it("lets each waiter lead once, one after the other, until one succeeds for the rest", async () => {
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
    const run = new ControlledRun();
    await expect(transferShared(manager, "key", run.run, { signal: AbortSignal.abort() })).rejects.toThrow(
      ErrCanceled,
    );
    await flush();
    expect(run.calls).toBe(0);
  });

  it("does not lead a new transfer when it was canceled while another one failed", async () => {
    const manager = new TransferManager({ concurrency: 1 });
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
    const manager = new TransferManager({ concurrency: 1 });
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
