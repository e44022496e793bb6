import { describe, expect, it } from "vitest";
import { message, type Progress, type ProgressSink, update } from "../../src/progress/progress.ts";
import { watchProgress } from "../../src/progress/watch-progress.ts";

async function all(watched: AsyncIterable<Progress>): Promise<Progress[]> {
  const seen: Progress[] = [];
  for await (const progress of watched) seen.push(progress);
  return seen;
}

const LINES = [message("", "one"), message("", "two")];

const plan = (totalBytes: number): Progress => ({ kind: "plan", contents: [], totalBytes, bytesHere: 0 });

describe("watchProgress()", () => {
  it("gives what the work tells, and ends with it", async () => {
    const watched = watchProgress(async (onProgress: ProgressSink) => {
      for (const line of LINES) {
        onProgress(line);
        await Promise.resolve();
      }
      return 7;
    });
    expect(await all(watched)).toEqual(LINES);
    expect(await watched.result).toBe(7);
  });

  it("gives who comes late all messages, the newest update, and the plan in its place", async () => {
    const watched = watchProgress(async (onProgress: ProgressSink) => {
      onProgress(plan(1));
      for (let bytes = 1; bytes <= 3; bytes++) onProgress(update("a", "Downloading", bytes, 3));
      for (const line of LINES) onProgress(line);
      onProgress(plan(2));
    });
    await watched.result;
    expect(await all(watched)).toEqual([plan(2), update("a", "Downloading", 3, 3), ...LINES]);
  });

  it("throws what the work throws, after what it told", async () => {
    const watched = watchProgress(async (onProgress: ProgressSink) => {
      onProgress(LINES[0] ?? message("", ""));
      throw new RangeError("no more");
    });
    const seen: Progress[] = [];
    const iterate = async (): Promise<void> => {
      for await (const progress of watched) seen.push(progress);
    };
    await expect(iterate()).rejects.toThrow("no more");
    expect(seen).toEqual(LINES.slice(0, 1));
  });

  it("keeps nothing for who has left", async () => {
    const go = Promise.withResolvers<void>();
    const watched = watchProgress(async (onProgress: ProgressSink) => {
      onProgress(message("", "first"));
      await go.promise;
      for (let at = 0; at < 5; at++) onProgress(message("", `${at}`));
      return "done";
    });
    for await (const _ of watched) break;
    go.resolve();
    expect(await watched.result).toBe("done");
  });
});
