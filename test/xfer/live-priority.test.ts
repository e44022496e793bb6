import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { LivePriority } from "../../src/xfer/live-priority.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { ControlledRun } from "./controlled-run.ts";
import { flush } from "./flush.ts";

describe("LivePriority", () => {
  it("moves what was given it, as often as it is changed", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const [blocker, plain, live] = [new ControlledRun(), new ControlledRun(), new ControlledRun()];
    const priority = new LivePriority();
    manager.transfer("blocker", blocker.run);
    manager.transfer("plain", plain.run, { priority: 1 });
    manager.transfer("live", live.run, { priority });
    priority.set(3);
    priority.set(0);
    priority.set(2);
    await flush();
    blocker.finish("done");
    await flush();
    expect([plain.calls, live.calls]).toEqual([0, 1]);
  });

  it("leaves alone who has been released", async () => {
    const manager = new TransferManager({ concurrency: 1 });
    const [blocker, plain, shared] = [new ControlledRun(), new ControlledRun(), new ControlledRun()];
    const priority = new LivePriority(0);
    manager.transfer("blocker", blocker.run);
    manager.transfer("plain", plain.run, { priority: 1 });
    manager.transfer("shared", shared.run);
    await manager.transfer("shared", shared.run, { priority }).release();
    priority.set(5);
    await flush();
    blocker.finish("done");
    await flush();
    expect([plain.calls, shared.calls]).toEqual([1, 0]);
  });

  it("refuses what is not finite, and stays what it was", () => {
    const priority = new LivePriority(1);
    expect(() => priority.set(Number.NaN)).toThrow(ErrInvalidArgument);
    expect(() => new LivePriority(Number.POSITIVE_INFINITY)).toThrow(ErrInvalidArgument);
    expect(priority.value).toBe(1);
  });
});
