import { describe, expect, it } from "vitest";
import { watchChunks } from "../../src/async/watch-chunks.ts";

/** So many chunks of four bytes, then a failure if there is one; tells when it is left. */
async function* chunks(count: number, failure?: Error, onLeft?: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (let at = 0; at < count; at++) yield new Uint8Array(4);
    if (failure) throw failure;
  } finally {
    onLeft?.();
  }
}

describe("watchChunks", () => {
  it("tells of each chunk when the next one is asked for", async () => {
    const taken: number[] = [];
    const failures: unknown[] = [];
    const watched = watchChunks(chunks(3), {
      onTaken: (bytes) => taken.push(bytes),
      onFailure: (error) => failures.push(error),
    });
    const seen: number[] = [];
    for await (const chunk of watched) seen.push(chunk.length + 10 * taken.length);
    expect(seen).toEqual([4, 14, 24]);
    expect(taken).toEqual([4, 4, 4]);
    expect(failures).toEqual([]);
  });

  it("tells what ends them, which their reader gets as well", async () => {
    const broken = new TypeError("gone");
    const failures: unknown[] = [];
    const watched = watchChunks(chunks(1, broken), { onFailure: (error) => failures.push(error) });
    const reading = (async () => {
      for await (const chunk of watched) expect(chunk.length).toBe(4);
    })();
    await expect(reading).rejects.toBe(broken);
    expect(failures).toEqual([broken]);
  });

  it("leaves them when its reader leaves, of whose last chunk nobody says that it was taken", async () => {
    const taken: number[] = [];
    let isLeft = false;
    const source = chunks(3, undefined, () => {
      isLeft = true;
    });
    const watched = watchChunks(source, { onTaken: (bytes) => taken.push(bytes), onFailure() {} });
    for await (const _ of watched) break;
    expect(isLeft).toBe(true);
    expect(taken).toEqual([]);
  });
});
