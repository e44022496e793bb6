import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MessageRoom, type MessageShare } from "../../../../src/content/grpc/wire/message-room.ts";
import { ErrCanceled } from "../../../../src/errors/classes.ts";

const MIB = 1_048_576;
const LARGEST = 16 * MIB;

let room: MessageRoom;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  room = new MessageRoom();
});
afterEach(() => void vi.useRealTimers());

const take = (bytes: number, signal?: AbortSignal): Promise<MessageShare> => room.take(bytes, { signal });

/** Takes all room there is. */
const fill = (): Promise<readonly MessageShare[]> => Promise.all([1, 2, 3, 4].map(() => take(LARGEST)));

async function isThere(share: Promise<unknown>): Promise<boolean> {
  const state = { isThere: false };
  const watch = async (): Promise<void> => {
    await share;
    state.isThere = true;
  };
  void watch();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  return state.isThere;
}

describe("MessageRoom", () => {
  it("gives as many bytes as are asked for", async () => {
    for (const bytes of [65_537, MIB, 2 * MIB]) expect((await take(bytes)).bytes).toHaveLength(bytes);
  });

  it("lets who finds it used up wait in line", async () => {
    const [first, second] = await fill();
    const large = take(LARGEST);
    const usual = take(MIB);
    expect(await isThere(large)).toBe(false);
    first?.release(true);
    expect(await isThere(large)).toBe(true);
    expect(await isThere(usual)).toBe(false);
    second?.release(true);
    expect(await isThere(usual)).toBe(true);
  });

  it("is left by who waits when the signal fires, whoever comes behind", async () => {
    const [first] = await fill();
    const controllers = [new AbortController(), new AbortController()];
    const left = Promise.allSettled(controllers.map(({ signal }) => take(LARGEST, signal)));
    const last = take(LARGEST);
    for (const controller of controllers) controller.abort();
    for (const each of await left) expect(each).toMatchObject({ reason: expect.any(ErrCanceled) });
    first?.release(true);
    expect(await isThere(last)).toBe(true);
  });

  it("gives a buffer to the next message, unless somebody may still work with it", async () => {
    const first = await take(MIB);
    first.release(true);
    first.release(true);
    const second = await take(MIB);
    const third = await take(MIB);
    expect(second.bytes.buffer).toBe(first.bytes.buffer);
    expect(third.bytes.buffer).not.toBe(first.bytes.buffer);
    third.release(false);
    expect((await take(MIB)).bytes.buffer).not.toBe(third.bytes.buffer);
  });

  it("wants back what a message holds that has stalled while others wait, and nothing of others", async () => {
    const [stalled, moving, complete, other] = await fill();
    const lost: unknown[] = [];
    for (const share of [stalled, moving, complete, other]) if (share) share.onLost = () => lost.push(share);
    complete?.complete();
    other?.complete();
    vi.advanceTimersByTime(100_000);
    expect(lost).toEqual([]);
    const waiting = take(LARGEST);
    await isThere(waiting);
    moving?.moved();
    vi.advanceTimersByTime(9_000);
    moving?.moved();
    vi.advanceTimersByTime(1_000);
    expect(lost).toEqual([stalled]);
    expect(stalled?.isLost).toBe(true);
    stalled?.release(true);
    expect(await isThere(waiting)).toBe(true);
    vi.advanceTimersByTime(100_000);
    expect(lost).toEqual([stalled]);
  });
});
