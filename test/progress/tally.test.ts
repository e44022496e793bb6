import { describe, expect, it } from "vitest";
import { type PlannedItem, update } from "../../src/progress/progress.ts";
import { Tally } from "../../src/progress/tally.ts";

function layer(digest: string, size: number, bytesHere = 0): PlannedItem {
  return { digest, size, bytesHere, mediaType: "layer", kind: "layer", isComing: false };
}

const of = (digest: string, action: string, bytes: number, total: number) =>
  update({ id: digest, digest }, action, bytes, total);

describe("Tally", () => {
  it("tells rate and time left of a steady line within a tenth, with layers side by side", () => {
    const tally = new Tally(0);
    tally.plan([layer("a", 60_000_000), layer("b", 30_000_000, 10_000_000)]);
    // 2 MB/s and 1 MB/s, each told every 100 ms.
    for (let nowMs = 100; nowMs <= 8_000; nowMs += 100) {
      tally.note(of("a", "Downloading", nowMs * 2_000, 60_000_000), nowMs);
      tally.note(of("b", "Downloading", 10_000_000 + nowMs * 1_000, 30_000_000), nowMs);
      const { bytesPerSecond, etaMs = 0, bytesTotal, bytesDone } = tally.summary(nowMs);
      if (nowMs < 1_000) continue;
      expect(Math.abs(bytesPerSecond - 3_000_000)).toBeLessThan(300_000);
      const left = (bytesTotal - bytesDone) / 3_000;
      expect(Math.abs(etaMs - left)).toBeLessThan(left / 10);
    }
  });

  it("counts what was here as done, and not as moved", () => {
    const tally = new Tally(0);
    tally.plan([layer("a", 100, 100), layer("b", 100, 40)]);
    expect(tally.summary(0)).toMatchObject({ bytesDone: 140, bytesTotal: 200, bytesMoved: 0 });
    tally.note(of("b", "Downloading", 70, 100), 10);
    expect(tally.summary(10)).toMatchObject({
      bytesDone: 170,
      bytesMoved: 30,
      phases: { done: 1, downloading: 1 },
    });
  });

  it("has less here than planned when a download begins anew", () => {
    const tally = new Tally(0);
    tally.plan([layer("a", 100, 40)]);
    expect(tally.note(of("a", "Downloading", 10, 100), 1)).toBe(true);
    expect(tally.note(of("a", "Downloading", 60, 100), 2)).toBe(false);
    tally.complete("a", 0, 3);
    expect(tally.planned).toMatchObject({ bytesHere: 0, totalBytes: 100 });
    expect(tally.summary(3)).toMatchObject({ bytesDone: 100, bytesMoved: 100 });
  });

  it("keeps what it knows of contents that stay in the plan", () => {
    const tally = new Tally(0);
    tally.plan([layer("a", 100)]);
    tally.note(of("a", "Downloading", 60, 100), 1);
    tally.plan([layer("a", 100), layer("b", 50)]);
    expect(tally.summary(1)).toMatchObject({ bytesDone: 60, bytesTotal: 150 });
    tally.plan([layer("b", 50)]);
    expect(tally.summary(1)).toMatchObject({ bytesDone: 0, bytesTotal: 50 });
  });

  it("hears nothing of contents that it does not plan", () => {
    const tally = new Tally(0);
    tally.plan([layer("a", 100)]);
    expect(tally.note(update("a", "Downloading", 50, 100), 1)).toBe(false);
    expect(tally.summary(1)).toMatchObject({ bytesDone: 0 });
  });
});
