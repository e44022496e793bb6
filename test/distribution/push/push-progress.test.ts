import { describe, expect, it } from "vitest";
import { type Digest, parseDigest } from "../../../src/digest/digest.ts";
import { silentLogger } from "../../../src/distribution/api/logger.ts";
import { PushProgress } from "../../../src/distribution/push/push-progress.ts";
import { type Progress, type SummaryProgress, update } from "../../../src/progress/progress.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

const MANIFEST = {
  digest: parseDigest(`sha256:${"a".repeat(64)}`),
  size: 1_000,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
} as const;
const LAYER = {
  digest: parseDigest(`sha256:${"b".repeat(64)}`),
  size: 60_000_000,
  mediaType: "application/vnd.oci.image.layer.v1.tar",
} as const;
const PLAN = { blobs: [LAYER], configs: new Set<Digest>(), rounds: [[MANIFEST]] };
const FIRST = { endpoint: "https://a.example", isComing: () => false };

function watched() {
  const clock = new SteppedClock();
  const told: Progress[] = [];
  const progress = new PushProgress({
    id: "id",
    logger: silentLogger,
    clock,
    onProgress: (one) => void told.push(one),
  });
  const summary = (): SummaryProgress | undefined => told.findLast((one) => one.kind === "summary");
  return { clock, told, progress, summary };
}

const pushing = (bytes: number) =>
  update({ id: "layer", digest: LAYER.digest }, "Pushing", bytes, LAYER.size);

describe("PushProgress", () => {
  it("tells the rate and the time left of a steady line within a tenth, twice a second", async () => {
    const { clock, told, progress, summary } = watched();
    progress.plan(MANIFEST.digest, PLAN, FIRST);
    for (let atMs = 100; atMs <= 20_000; atMs += 100) {
      await clock.step(100);
      progress.note(pushing(atMs * 2_000)); // 2 MB/s
      if (atMs % 500 !== 0 || atMs < 1_000) continue;
      const { bytesPerSecond = 0, etaMs = 0, bytesTotal = 0, bytesDone = 0, elapsedMs } = summary() ?? {};
      expect(elapsedMs).toBe(atMs);
      expect(Math.abs(bytesPerSecond - 2_000_000)).toBeLessThan(200_000);
      const left = (bytesTotal - bytesDone) / 2_000;
      expect(Math.abs(etaMs - left)).toBeLessThan(left / 10);
    }
    expect(told.filter(({ kind }) => kind === "summary")).toHaveLength(1 + 40);
    progress.end();
  });

  it("begins anew at another endpoint, where nothing has arrived", () => {
    const { progress, summary } = watched();
    progress.plan(MANIFEST.digest, PLAN, FIRST);
    progress.note(pushing(30_000_000));
    progress.arrived(LAYER.digest, "uploaded");
    progress.plan(MANIFEST.digest, PLAN, { ...FIRST, endpoint: "https://b.example" });
    expect(summary()).toMatchObject({ bytesDone: 0, bytesTotal: 60_001_000 });
    progress.arrived(LAYER.digest, "exists");
    progress.arrived(MANIFEST.digest, "uploaded");
    progress.end();
    expect(summary()).toMatchObject({ bytesDone: 60_001_000, bytesMoved: 1_000 });
  });

  it("stays with what has become of a content, whatever is said of it under another tag", () => {
    const { progress, summary } = watched();
    progress.plan(MANIFEST.digest, PLAN, FIRST);
    progress.note(update({ id: "layer", digest: LAYER.digest }, "Pushed", 0, 0));
    progress.note(update({ id: "layer", digest: LAYER.digest }, "Layer already exists", 0, 0));
    progress.arrived(MANIFEST.digest, "uploaded");
    progress.end();
    expect(summary()).toMatchObject({ bytesMoved: 60_001_000 });
  });

  it("tells nothing any more when it is disposed of", async () => {
    const { clock, told, progress } = watched();
    progress.plan(MANIFEST.digest, PLAN, FIRST);
    progress[Symbol.dispose]();
    const before = told.length;
    for (let count = 0; count < 5; count++) await clock.step(1_000);
    expect(told).toHaveLength(before);
  });
});
