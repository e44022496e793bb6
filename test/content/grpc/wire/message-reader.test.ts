import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { frame } from "../../../../src/content/grpc/wire/frame.ts";
import { MessageReader } from "../../../../src/content/grpc/wire/message-reader.ts";
import { MessageRoom } from "../../../../src/content/grpc/wire/message-room.ts";
import { ErrCanceled, ErrUnavailable } from "../../../../src/errors/classes.ts";

const OPTIONS = { signal: new AbortController().signal, maxBytes: 16_000_000 };

/** A message for which there is room four times. */
const LARGE = frame(Buffer.alloc(16_000_000));

/** A reader of messages, in chunks, that are put together in `room`. */
function sharing(room: MessageRoom, messages: readonly Buffer[]): MessageReader {
  const bytes = Buffer.concat(messages);
  return new MessageReader(streamOf(cut(bytes, [1_000_000, 17_000_000])), { ...OPTIONS, room });
}

/** A stream that pushes these chunks, each in a turn of its own, and ends. */
function streamOf(chunks: readonly Uint8Array[]): Readable {
  return Readable.from(chunks, { objectMode: false });
}

function readerOf(stream: Readable, maxBytes = 1_000_000): MessageReader {
  return new MessageReader(stream, { signal: new AbortController().signal, maxBytes });
}

async function readAll(reader: MessageReader): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  for (let next = await reader.next(); next; next = await reader.next()) messages.push(Buffer.from(next));
  return messages;
}

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const sorted = [0, ...points.map((point) => point % (bytes.byteLength + 1)), bytes.byteLength].toSorted(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

describe("MessageReader.next()", () => {
  it("puts the small messages of a call together in one piece of memory", async () => {
    const bytes = Buffer.concat(Array.from({ length: 3 }, () => frame(Buffer.alloc(32_779, 7))));
    const room = new MessageRoom();
    const reader = new MessageReader(streamOf(cut(bytes, [20_000, 50_000, 80_000])), { ...OPTIONS, room });
    const memories = new Set<ArrayBufferLike | undefined>();
    for (let turn = 0; turn < 3; turn++) memories.add((await reader.next())?.buffer);
    expect(memories.size).toBe(1);
  });

  it("gives the messages however they are cut into chunks", async () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.uint8Array({ minLength: 60_000, maxLength: 70_000 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (messages, points) => {
          const bytes = Buffer.concat(messages.map((one) => frame(one)));
          for (const room of [undefined, new MessageRoom()]) {
            const reader = new MessageReader(streamOf(cut(bytes, points)), { ...OPTIONS, room });
            expect(await readAll(reader)).toEqual(messages.map((one) => Buffer.from(one)));
          }
        },
      ),
    );
  });

  it.each([1, 4, 5, 7])("refuses a stream that ends %d bytes into a message", async (length) => {
    const reader = readerOf(streamOf([frame(Buffer.from("foo")).subarray(0, length)]));
    await expect(reader.next()).rejects.toMatchObject({ code: "ERR_INTERNAL" });
  });

  it("refuses a message that is too large before its bytes come, and one that is compressed", async () => {
    const head = Buffer.from([0, 0, 0, 0, 11]);
    await expect(readerOf(streamOf([head]), 10).next()).rejects.toMatchObject({
      code: "ERR_RESOURCE_EXHAUSTED",
      message: "grpc: received message larger than max (11 vs. 10)",
    });
    await expect(readerOf(streamOf([frame(Buffer.alloc(10))]), 10).next()).resolves.toHaveLength(10);
    const compressed = Buffer.from([1, 0, 0, 0, 0]);
    await expect(readerOf(streamOf([compressed])).next()).rejects.toMatchObject({
      code: "ERR_NOT_IMPLEMENTED",
    });
  });

  it("ends its wait when the signal fires", async () => {
    const controller = new AbortController();
    const stream = new Readable({ read() {} });
    const reader = new MessageReader(stream, { signal: controller.signal, maxBytes: 10 });
    const next = reader.next();
    controller.abort(new ErrCanceled("context canceled"));
    await expect(next).rejects.toThrow(ErrCanceled);
    await expect(reader.next()).rejects.toThrow(ErrCanceled);
  });

  it("takes no more than some chunks off the stream while nobody asks", async () => {
    let taken = 0;
    const stream = new Readable({
      highWaterMark: 1,
      read() {
        taken += 16_384;
        this.push(frame(Buffer.alloc(16_379)));
      },
    });
    const reader = readerOf(stream);
    await reader.next();
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    expect(taken).toBeLessThan(200_000);
    for (let index = 0; index < 40; index++) expect(await reader.next()).toHaveLength(16_379);
    stream.destroy();
  });
});

describe("MessageReader.discard()", () => {
  it("lets the stream come to its end", async () => {
    const stream = streamOf(Array.from({ length: 50 }, () => Buffer.alloc(65_536)));
    const ended = new Promise((resolve) => stream.once("end", resolve));
    readerOf(stream).discard();
    await ended;
  });

  it("waits for room where messages share it, and gives it back with the next one, or when told to", async () => {
    const room = new MessageRoom();
    const readers = Array.from({ length: 6 }, () => sharing(room, [LARGE, LARGE]));
    const next = (at: number): Promise<Uint8Array | undefined> => readers[at]?.next() ?? Promise.reject();
    expect(await Promise.all([0, 1, 2, 3].map(next))).toHaveLength(4);
    const last = [next(4), next(5)];
    readers[0]?.release();
    expect(await last[0]).toHaveLength(16_000_000);
    const second = next(1); // it gives back the first, and waits in line for another
    expect(await last[1]).toHaveLength(16_000_000);
    readers[2]?.release();
    expect(await second).toHaveLength(16_000_000);
  });

  it("gives up a message that stalls while others wait for its room", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    try {
      const room = new MessageRoom();
      const whole = [1, 2, 3].map(() => sharing(room, [LARGE]));
      for (const reader of whole) await reader.next();
      const stream = new Readable({ read: () => {} });
      stream.push(LARGE.subarray(0, 1_000));
      const stalled = new MessageReader(stream, { ...OPTIONS, room });
      const failed = expect(stalled.next()).rejects.toBeInstanceOf(ErrUnavailable);
      const waiting = sharing(room, [LARGE]).next();
      for (let turn = 0; turn < 10; turn++) await setImmediate();
      vi.advanceTimersByTime(20_000);
      await failed;
      stalled.release();
      expect(await waiting).toHaveLength(16_000_000);
    } finally {
      vi.useRealTimers();
    }
  });
});
