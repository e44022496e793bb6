import { describe, expect, it } from "vitest";
import { DEFAULT_BACKOFF } from "../../src/async/backoff.ts";
import {
  ErrCanceled,
  ErrInvalidArgument,
  ErrPermissionDenied,
  ErrUnauthenticated,
  ErrUnavailable,
} from "../../src/errors/classes.ts";
import { type StepProgress, update } from "../../src/progress/progress.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { LayerUploadManager, type UploadManagerOptions } from "../../src/xfer/upload-manager.ts";
import { FakeUpload } from "./fake-upload.ts";
import { flush, stateOf } from "./flush.ts";
import { ManualClock } from "./manual-clock.ts";

const named = (...names: string[]): FakeUpload[] => names.map((name) => new FakeUpload(name));

/** The longest delays that the default policy can choose: 1, 2, 4, 8 s. */
const LONGEST = { ...DEFAULT_BACKOFF, random: () => 1 };

/** A manager on a clock that the test moves. */
function managed(options: UploadManagerOptions = {}) {
  const clock = new ManualClock();
  const transfers = new TransferManager({ concurrency: options.concurrency ?? 5 });
  return {
    clock,
    transfers,
    manager: new LayerUploadManager({ clock, transfers, backoff: LONGEST, ...options }),
  };
}

/** Statuses by blob id, in the order they came. */
class Screen {
  readonly lines = new Map<string, string[]>();
  readonly sink = (progress: StepProgress): void => {
    const text = progress.kind === "update" ? progress.action : progress.message;
    this.lines.set(progress.id, [...(this.lines.get(progress.id) ?? []), text]);
  };

  of(blob: FakeUpload | undefined): string[] {
    return this.lines.get(blob?.id ?? "") ?? [];
  }
}

const running = (blobs: readonly FakeUpload[]): FakeUpload[] => blobs.filter((blob) => blob.running);

/** A sink that fails. */
const failingSink = (): void => {
  throw new Error("screen is gone");
};

describe("LayerUploadManager.upload()", () => {
  it("uploads six blobs with a duplicate and one that fails once, three at a time (TestSuccessfulUpload)", async () => {
    const { clock, manager, transfers } = managed({ concurrency: 3 });
    const blobs = named("id1", "id2", "id3", "id4", "id4", "id5");
    const [, , , id4, again, id5] = blobs;
    const screen = new Screen();
    const result = manager.upload(blobs, { onProgress: screen.sink });
    const atOnce: number[] = [];
    for (let round = 0; round < 5; round++) {
      await flush();
      const now = running(blobs);
      atOnce.push(now.length);
      for (const blob of now) {
        if (blob === id5 && blob.attempts.length === 1) blob.fail(new ErrUnavailable("simulated failure"));
        else blob.finish();
      }
      await clock.advance(1_000);
    }
    await result;
    expect(Math.max(...atOnce)).toBe(3);
    expect(blobs.map((blob) => blob.attempts.length)).toEqual([1, 1, 1, 1, 0, 2]);
    expect(again?.attempts).toEqual([]);
    expect(screen.of(id4)).toEqual(["Preparing", "Preparing", "Waiting", "Pushed"]);
    expect(screen.of(id5)).toEqual(["Preparing", "Waiting", "Retrying in 1 second", "Pushed"]);
    expect(transfers.size).toBe(0);
  });

  it("stops everything when it is canceled (TestCancelledUpload)", async () => {
    const { manager, transfers } = managed({ concurrency: 2 });
    const blobs = named("a", "b", "c");
    const controller = new AbortController();
    const result = manager.upload(blobs, { signal: controller.signal });
    await flush();
    controller.abort();
    await expect(result).rejects.toBeInstanceOf(ErrCanceled);
    await flush();
    expect(running(blobs)).toEqual([]);
    expect(blobs[2]?.attempts).toEqual([]);
    expect(transfers).toMatchObject({ size: 0, running: 0, waiting: 0 });
  });

  it("does nothing when it is canceled before it starts", async () => {
    const { manager } = managed();
    const [blob] = named("a") as [FakeUpload];
    const screen = new Screen();
    const result = manager.upload([blob], { signal: AbortSignal.abort(), onProgress: screen.sink });
    await expect(result).rejects.toBeInstanceOf(ErrCanceled);
    expect([blob.attempts, screen.of(blob)]).toEqual([[], []]);
  });

  it("has nothing to do without blobs", async () => {
    await expect(managed().manager.upload([])).resolves.toBeUndefined();
  });

  it("uploads five blobs at a time by default", async () => {
    const blobs = named("1", "2", "3", "4", "5", "6", "7");
    const result = new LayerUploadManager().upload(blobs);
    await flush();
    expect(running(blobs)).toEqual(blobs.slice(0, 5));
    for (let round = 0; round < 2; round++) {
      for (const blob of blobs) blob.finish();
      await flush();
    }
    await result;
  });

  it('shows "Preparing", "Waiting", what the descriptor shows, and the status it ends on', async () => {
    const { manager } = managed({ concurrency: 1 });
    const blobs = named("a", "b", "c") as [FakeUpload, FakeUpload, FakeUpload];
    const [a, b, c] = blobs;
    const screen = new Screen();
    const result = manager.upload(blobs, { onProgress: screen.sink });
    await flush();
    expect([screen.of(a), screen.of(b)]).toEqual([["Preparing"], ["Preparing", "Waiting"]]);
    a.attempt.progress(update(a.id, "Pushing", 5, 10));
    a.finish("Pushed");
    await flush();
    b.finish("Layer already exists");
    await flush();
    c.finish("Mounted from library/redis");
    await result;
    expect(screen.of(a)).toEqual(["Preparing", "Pushing", "Pushed"]);
    expect(screen.of(b)).toEqual(["Preparing", "Waiting", "Layer already exists"]);
    expect(screen.of(c)).toEqual(["Preparing", "Waiting", "Mounted from library/redis"]);
  });

  it("goes on without a sink that fails", async () => {
    const { manager } = managed();
    const [blob] = named("a") as [FakeUpload];
    const warned = new Promise((resolve) => {
      process.once("warning", resolve);
    });
    const result = manager.upload([blob], { onProgress: failingSink });
    await flush();
    blob.finish();
    await result;
    expect(await warned).toMatchObject({ name: "DrayageProgressWarning" });
  });

  describe("when a blob fails", () => {
    it("ends at once with the first failure, and leaves the other transfers", async () => {
      const { manager, transfers } = managed();
      const blobs = named("slow", "broken", "waiting") as [FakeUpload, FakeUpload, FakeUpload];
      const [slow, broken] = blobs;
      const result = manager.upload(blobs);
      const settled = expect(result).rejects.toMatchObject({
        name: "ErrPermissionDenied",
        message: "denied",
      });
      await flush();
      broken.fail(new ErrPermissionDenied("denied"));
      await settled;
      expect(slow.attempt.signal.aborted).toBe(true);
      await flush();
      expect(transfers).toMatchObject({ size: 0, running: 0, waiting: 0 });
    });

    it("gives up after five attempts without progress", async () => {
      const { manager, clock } = managed();
      const [blob] = named("a") as [FakeUpload];
      const result = manager.upload([blob]);
      const settled = expect(result).rejects.toThrow("attempt 5");
      for (let attempt = 1; attempt <= 5; attempt++) {
        await flush();
        blob.fail(new ErrUnavailable(`attempt ${attempt}`));
        await clock.advance(8_000);
      }
      await settled;
      expect(blob.attempts).toHaveLength(5);
    });

    it("starts counting anew after an attempt that got further", async () => {
      const { manager, clock } = managed();
      const [blob] = named("a") as [FakeUpload];
      const result = manager.upload([blob]);
      for (let attempt = 1; attempt <= 12; attempt++) {
        await flush();
        blob.attempt.progress(update(blob.id, "Pushing", attempt * 32_768, 1_000_000));
        blob.fail(new ErrUnavailable("broken"));
        await clock.advance(8_000);
      }
      await flush();
      blob.finish();
      await result;
      expect(blob.attempts).toHaveLength(13);
    });

    it("waits as long as the registry asked, in view", async () => {
      const { manager, clock } = managed({ backoff: { ...DEFAULT_BACKOFF, random: () => 0 } });
      const [blob] = named("a") as [FakeUpload];
      const screen = new Screen();
      const result = manager.upload([blob], { onProgress: screen.sink });
      await flush();
      blob.fail(new ErrUnavailable("busy", { retryAfterMs: 3_000 }));
      await clock.advance(2_999);
      expect(blob.attempts).toHaveLength(1);
      await clock.advance(1);
      blob.finish();
      await result;
      expect(screen.of(blob)).toEqual([
        "Preparing",
        "Retrying in 3 seconds",
        "Retrying in 2 seconds",
        "Retrying in 1 second",
        "Pushed",
      ]);
    });

    it("lets another blob have the slot while it backs off", async () => {
      const { manager, clock } = managed({ concurrency: 1 });
      const [first, second] = named("a", "b") as [FakeUpload, FakeUpload];
      const result = manager.upload([first, second]);
      await flush();
      first.fail(new ErrUnavailable("broken"));
      await flush();
      expect([first.running, second.running]).toEqual([false, true]);
      await clock.advance(8_000);
      expect(first.attempts).toHaveLength(1); // no slot yet
      second.finish();
      await flush();
      expect(first.running).toBe(true);
      first.finish();
      await result;
    });

    it("stops waiting when it is canceled", async () => {
      const { manager, clock } = managed();
      const [blob] = named("a") as [FakeUpload];
      const controller = new AbortController();
      const result = manager.upload([blob], { signal: controller.signal });
      await flush();
      blob.fail(new ErrUnavailable("broken"));
      await flush();
      expect(clock.sleeping).toBe(1);
      controller.abort();
      await expect(result).rejects.toBeInstanceOf(ErrCanceled);
      await flush();
      expect(clock.sleeping).toBe(0);
    });
  });

  describe("of the same blob by two callers", () => {
    it("transfers it once and shows both the same", async () => {
      const { manager } = managed();
      const [mine, theirs] = named("a", "a") as [FakeUpload, FakeUpload];
      const screens = [new Screen(), new Screen()] as const;
      const results = [
        manager.upload([mine], { onProgress: screens[0].sink }),
        manager.upload([theirs], { onProgress: screens[1].sink }),
      ];
      await flush();
      expect(theirs.attempts).toEqual([]);
      mine.attempt.progress(update(mine.id, "Pushing", 1, 2));
      mine.finish();
      await Promise.all(results);
      for (const screen of screens) expect(screen.of(mine)).toEqual(["Preparing", "Pushing", "Pushed"]);
    });

    it("goes on for the one when the other leaves", async () => {
      const { manager } = managed();
      const [mine, theirs] = named("a", "a") as [FakeUpload, FakeUpload];
      const controller = new AbortController();
      const left = manager.upload([mine], { signal: controller.signal });
      const stays = manager.upload([theirs]);
      await flush();
      controller.abort();
      await expect(left).rejects.toBeInstanceOf(ErrCanceled);
      expect(await stateOf(stays)).toBe("pending");
      expect(mine.attempt.signal.aborted).toBe(false);
      mine.finish();
      await stays;
    });

    it("tries its own way when the other's credentials are refused", async () => {
      const { manager } = managed();
      const [mine, theirs] = named("a", "a") as [FakeUpload, FakeUpload];
      const fails = manager.upload([mine]);
      const works = manager.upload([theirs]);
      const settled = expect(fails).rejects.toBeInstanceOf(ErrUnauthenticated);
      await flush();
      mine.fail(new ErrUnauthenticated("no basic auth credentials", { endpoint: "https://registry.test" }));
      await settled;
      await flush();
      expect(theirs.running).toBe(true);
      theirs.finish();
      await works;
    });
  });

  it("lets the blobs of a higher priority go first", async () => {
    const { manager } = managed({ concurrency: 1 });
    const [now, later, urgent] = named("now", "later", "urgent") as [FakeUpload, FakeUpload, FakeUpload];
    const results = [manager.upload([now, later]), manager.upload([urgent], { priority: 1 })];
    await flush();
    now.finish();
    await flush();
    expect([later.running, urgent.running]).toEqual([false, true]);
    urgent.finish();
    await flush();
    later.finish();
    await Promise.all(results);
  });
});

describe("LayerUploadManager.setConcurrency()", () => {
  it("takes effect at once, both ways", async () => {
    const manager = new LayerUploadManager({ concurrency: 1 });
    const blobs = named("a", "b", "c", "d") as [FakeUpload, FakeUpload, FakeUpload, FakeUpload];
    const result = manager.upload(blobs);
    await flush();
    expect(running(blobs)).toHaveLength(1);
    manager.setConcurrency(3);
    await flush();
    expect(running(blobs)).toHaveLength(3);
    manager.setConcurrency(1);
    blobs[0].finish();
    blobs[1].finish();
    await flush();
    expect(running(blobs)).toEqual([blobs[2]]);
    blobs[2].finish();
    await flush();
    blobs[3].finish();
    await result;
  });

  it("refuses what is no number of slots", () => {
    const manager = new LayerUploadManager();
    expect(() => manager.setConcurrency(-1)).toThrow(ErrInvalidArgument);
    expect(() => new LayerUploadManager({ concurrency: 1.5 })).toThrow(ErrInvalidArgument);
  });
});
