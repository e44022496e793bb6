import { describe, expect, it } from "vitest";
import { DEFAULT_BACKOFF } from "../../src/async/backoff.ts";
import { ErrCanceled, ErrPermissionDenied, ErrUnavailable } from "../../src/errors/classes.ts";
import { LayerUploadManager } from "../../src/xfer/upload-manager.ts";
import { FakeUpload } from "./fake-upload.ts";
import { flush } from "./flush.ts";
import { ManualClock } from "./manual-clock.ts";

/** An upload whose abandonment takes until `cleared.resolve`. */
class AbandonedUpload extends FakeUpload {
  readonly cleared = Promise.withResolvers<void>();
  abandoned = 0;

  async abandon(): Promise<void> {
    this.abandoned++;
    await this.cleared.promise;
  }
}

/** A manager on a clock that the test moves; `tracked` is the work that has not ended. */
function managed() {
  const clock = new ManualClock();
  const tracked = new Set<Promise<unknown>>();
  const manager = new LayerUploadManager({
    clock,
    backoff: { ...DEFAULT_BACKOFF, random: () => 1 },
    async track(work) {
      tracked.add(work);
      try {
        return await work;
      } finally {
        tracked.delete(work);
      }
    },
  });
  return { clock, manager, tracked };
}

describe("an upload of LayerUploadManager", () => {
  it("is abandoned when it fails for good, and nobody waits for that but who tracks the work", async () => {
    const { manager, tracked } = managed();
    const blob = new AbandonedUpload("a");
    const result = manager.upload([blob]);
    await flush();
    blob.fail(new ErrPermissionDenied("no"));
    await expect(result).rejects.toBeInstanceOf(ErrPermissionDenied);
    expect(blob.abandoned).toBe(1);
    expect(tracked.size).toBe(1);
    blob.cleared.resolve();
    await flush();
    expect(tracked.size).toBe(0);
  });

  it("is not abandoned between attempts, nor when it succeeds", async () => {
    const { manager, clock, tracked } = managed();
    const blob = new AbandonedUpload("a");
    const result = manager.upload([blob]);
    await flush();
    blob.fail(new ErrUnavailable("busy"));
    await clock.advance(1_000);
    await flush();
    expect(tracked.size).toBe(1); // the blob, through its wait
    blob.finish();
    await result;
    expect(blob.abandoned).toBe(0);
  });

  it("is abandoned when it is canceled while it waits, and is tracked without a gap", async () => {
    const { manager, tracked } = managed();
    const blob = new AbandonedUpload("a");
    const controller = new AbortController();
    const result = manager.upload([blob], { signal: controller.signal });
    await flush();
    blob.fail(new ErrUnavailable("busy"));
    await flush();
    controller.abort();
    await expect(result).rejects.toBeInstanceOf(ErrCanceled);
    while (blob.abandoned === 0) {
      expect(tracked.size).toBeGreaterThan(0);
      await Promise.resolve();
    }
    expect(tracked.size).toBeGreaterThan(0);
    blob.cleared.resolve();
    await flush();
    expect(tracked.size).toBe(0);
  });

  it("is not abandoned as long as somebody wants it", async () => {
    const { manager } = managed();
    const blob = new AbandonedUpload("a");
    const controller = new AbortController();
    const leaving = manager.upload([blob], { signal: controller.signal });
    const staying = manager.upload([blob]);
    await flush();
    controller.abort();
    await expect(leaving).rejects.toBeInstanceOf(ErrCanceled);
    await flush();
    blob.finish();
    await staying;
    expect(blob.abandoned).toBe(0);
  });
});
