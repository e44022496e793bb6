import { describe, expect, it } from "vitest";
import { type BackoffPolicy, DEFAULT_BACKOFF } from "../../src/async/backoff.ts";
import { ErrCanceled, ErrNotFound, ErrUnavailable } from "../../src/errors/classes.ts";
import { type StepProgress, update } from "../../src/progress/progress.ts";
import { transferBlob } from "../../src/xfer/blob-transfer.ts";
import type { Watcher } from "../../src/xfer/job.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { ControlledRun } from "./controlled-run.ts";
import { FakeLayer } from "./fake-layer.ts";
import { flush } from "./flush.ts";
import { ManualClock } from "./manual-clock.ts";

/** The longest delays that the default policy can choose: 1, 2, 4, 8 s. */
const LONGEST: BackoffPolicy = { ...DEFAULT_BACKOFF, random: () => 1 };
const broken = (attempt: number): ErrUnavailable =>
  new ErrUnavailable(`simulating download attempt ${attempt}/5`);

class Trial {
  readonly clock = new ManualClock();
  readonly manager = new TransferManager({ concurrency: 1 });
  readonly layer = new FakeLayer("blob");
  readonly seen: StepProgress[] = [];
  readonly watcher: Watcher<void>;

  constructor({ backoff = LONGEST, present = false }: { backoff?: BackoffPolicy; present?: boolean } = {}) {
    this.layer.present = present;
    this.watcher = this.manager.transfer(
      "blob",
      (job) => transferBlob(this.layer, job, { backoff, clock: this.clock }),
      {
        onProgress: (progress) => void this.seen.push(progress),
        waiting: update(this.layer.id, "Waiting", 0, 0),
      },
    );
  }

  /** Fails the attempt under way and lets the longest back-off pass. */
  async failAttempt(error: unknown): Promise<void> {
    await flush();
    this.layer.fail(error);
    await this.clock.advance(LONGEST.maxMs);
  }

  get actions(): string[] {
    return this.seen.map((progress) => (progress.kind === "update" ? progress.action : progress.message));
  }
}

describe("transferBlob()", () => {
  it('shows what the descriptor shows, then "Download complete"', async () => {
    const trial = new Trial();
    await flush();
    trial.layer.attempt.progress(update(trial.layer.id, "Downloading", 5, 5));
    trial.layer.attempt.progress(update(trial.layer.id, "Verifying Checksum", 0, 0));
    trial.layer.finish();
    await trial.watcher.done;
    expect(trial.actions).toEqual(["Downloading", "Verifying Checksum", "Download complete"]);
  });

  it("downloads nothing that exists", async () => {
    const trial = new Trial({ present: true });
    await trial.watcher.done;
    expect(trial.layer.attempts).toHaveLength(0);
    expect(trial.actions).toEqual(["Download complete"]);
  });

  it.each([2, 5])("succeeds at attempt %i of 5 (TestMaxDownloadAttempts)", async (last) => {
    const trial = new Trial();
    for (let attempt = 1; attempt < last; attempt++) await trial.failAttempt(broken(attempt));
    trial.layer.finish();
    await trial.watcher.done;
    expect(trial.layer.attempts).toHaveLength(last);
  });

  it("fails with the error of attempt 5 of 5 (TestMaxDownloadAttempts)", async () => {
    const trial = new Trial();
    for (let attempt = 1; attempt <= 5; attempt++) await trial.failAttempt(broken(attempt));
    await expect(trial.watcher.done).rejects.toThrow("simulating download attempt 5/5");
    expect(trial.layer.attempts).toHaveLength(5);
  });

  it("fails after one attempt when there is only one (TestMaxDownloadAttempts)", async () => {
    const trial = new Trial({ backoff: { ...LONGEST, maxAttempts: 1 } });
    await trial.failAttempt(new ErrUnavailable("simulating download attempt 1/1"));
    await expect(trial.watcher.done).rejects.toThrow("1/1");
    expect(trial.layer.attempts).toHaveLength(1);
  });

  it("does not repeat what can never succeed", async () => {
    const trial = new Trial();
    const error = new ErrNotFound("no such blob");
    await trial.failAttempt(error);
    await expect(trial.watcher.done).rejects.toBe(error);
    expect(trial.layer.attempts).toHaveLength(1);
  });

  it("counts only attempts that got no further than all before", async () => {
    const trial = new Trial();
    for (let attempt = 1; attempt <= 8; attempt++) {
      await flush();
      trial.layer.attempt.progress(update(trial.layer.id, "Downloading", attempt * 10, 100));
      await trial.failAttempt(broken(attempt));
    }
    trial.layer.finish();
    await trial.watcher.done;
    expect(trial.layer.attempts).toHaveLength(9);
  });

  it("gives up on a source that starts anew each time and breaks at the same byte", async () => {
    const trial = new Trial();
    for (let attempt = 1; attempt <= 5; attempt++) {
      await flush();
      for (const bytes of [0, 90])
        trial.layer.attempt.progress(update(trial.layer.id, "Downloading", bytes, 100));
      await trial.failAttempt(broken(attempt));
    }
    await expect(trial.watcher.done).rejects.toThrow("5/5");
  });

  it("counts the seconds down, then waits for what the server asked for", async () => {
    const trial = new Trial({ backoff: { ...LONGEST, random: () => 0 } });
    await flush();
    trial.layer.fail(new ErrUnavailable("busy", { retryAfterMs: 2_000 }));
    await trial.clock.advance(1_999);
    expect(trial.layer.attempts).toHaveLength(1);
    await trial.clock.advance(1);
    expect(trial.layer.attempts).toHaveLength(2);
    expect(trial.actions).toEqual(["Retrying in 2 seconds", "Retrying in 1 second"]);
  });

  it("gives its slot back while it backs off, and queues for a new one", async () => {
    const trial = new Trial();
    const other = new ControlledRun();
    trial.manager.transfer("other", other.run);
    await flush();
    expect(other.calls).toBe(0);
    trial.layer.fail(broken(1));
    await flush();
    expect(other.calls).toBe(1);

    await trial.clock.advance(LONGEST.baseMs);
    expect(trial.layer.attempts).toHaveLength(1);
    expect(trial.actions).toEqual(["Retrying in 1 second", "Waiting"]);
    other.finish("done");
    await flush();
    expect(trial.layer.attempts).toHaveLength(2);
  });

  it("stops during the back-off when the last watcher leaves", async () => {
    const trial = new Trial();
    await flush();
    trial.layer.fail(broken(1));
    await flush();
    expect(trial.clock.sleeping).toBe(1);
    await trial.watcher.release();
    await expect(trial.watcher.done).rejects.toThrow(ErrCanceled);
    await flush();
    expect(trial.clock.sleeping).toBe(0);
    expect(trial.layer.attempts).toHaveLength(1);
  });

  it("does not repeat an attempt that was canceled", async () => {
    const trial = new Trial();
    await flush();
    await trial.watcher.release();
    await trial.clock.advance(LONGEST.maxMs);
    expect(trial.layer.attempts).toHaveLength(1);
    expect(trial.manager).toMatchObject({ size: 0, running: 0, waiting: 0 });
  });
});
