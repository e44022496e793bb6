import { describe, expect, it } from "vitest";
import { DEFAULT_BACKOFF } from "../../src/async/backoff.ts";
import { ErrNotFound, ErrUnavailable } from "../../src/errors/classes.ts";
import { type StepProgress, update } from "../../src/progress/progress.ts";
import { repeatAttempts } from "../../src/xfer/repeat-attempts.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { ManualClock } from "./manual-clock.ts";

/** Runs `attempt` as the job of a manager, until it is over. */
async function repeat(attempt: Parameters<typeof repeatAttempts<number>>[0]["attempt"]) {
  const clock = new ManualClock();
  const seen: StepProgress[] = [];
  const backoff = { ...DEFAULT_BACKOFF, random: () => 1 };
  const watcher = new TransferManager({ concurrency: 1 }).transfer(
    "key",
    (job) => repeatAttempts({ subject: "blob", attempt }, job, { backoff, clock }),
    { onProgress: (progress) => void seen.push(progress) },
  );
  await clock.advance(60_000);
  const outcome = await watcher.done.catch((error: unknown) => error);
  await watcher.release();
  return { outcome, seen };
}

describe("repeatAttempts()", () => {
  it("gives what the first attempt that succeeds gives", async () => {
    let attempts = 0;
    const { outcome, seen } = await repeat(async ({ progress }) => {
      attempts++;
      if (attempts < 3) throw new ErrUnavailable("not yet");
      progress(update("blob", "Pushing", 1, 1));
      return attempts;
    });
    expect(outcome).toBe(3);
    expect(seen.map((item) => (item.kind === "update" ? item.action : ""))).toEqual([
      "Retrying in 1 second",
      "Retrying in 2 seconds",
      "Retrying in 1 second",
      "Pushing",
    ]);
  });

  it("does not repeat what can never succeed", async () => {
    let attempts = 0;
    const gone = new ErrNotFound("gone");
    const { outcome } = await repeat(() => Promise.reject(++attempts === 1 ? gone : new Error("again")));
    expect(outcome).toBe(gone);
  });

  it("does not take bytes that came before for progress", async () => {
    let attempts = 0;
    const { outcome } = await repeat(async ({ progress }) => {
      attempts++;
      progress(update("blob", "Pushing", 7, 10));
      throw new ErrUnavailable(`attempt ${attempts}`);
    });
    expect(outcome).toMatchObject({ message: "attempt 5" }); // the first one is the only one that got further
  });

  it.each([
    ["a few bytes of a large blob", 30_000, 1_000_000],
    ["less than a quarter of a small one", 24, 100],
  ])("does not take %s for progress", async (_, step, totalBytes) => {
    let attempts = 0;
    const { outcome } = await repeat(async ({ progress }) => {
      attempts++;
      const came = attempts === 1 ? 0 : 1;
      progress(update("blob", "Downloading", came * step, totalBytes));
      throw new ErrUnavailable(`attempt ${attempts}`);
    });
    expect(outcome).toMatchObject({ message: "attempt 5" });
  });

  it("adds up what several attempts bring until it is progress", async () => {
    let attempts = 0;
    const { outcome } = await repeat(async ({ progress }) => {
      attempts++;
      progress(update("blob", "Downloading", Math.min(attempts, 10) * 10_000, 1_000_000));
      throw new ErrUnavailable(`attempt ${attempts}`);
    });
    expect(outcome).toMatchObject({ message: "attempt 12" }); // the eighth is the last one that ends in progress
  });
});
