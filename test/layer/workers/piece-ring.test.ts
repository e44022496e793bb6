import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrCanceled } from "../../../src/errors/classes.ts";
import { PIECE_BYTES } from "../../../src/layer/decompress/sync-codec.ts";
import { PieceRing, RING_PIECES } from "../../../src/layer/workers/piece-ring.ts";

const RING = new URL("../../../src/layer/workers/piece-ring.ts", import.meta.url).href;

/** Writes so many pieces of a byte into the ring in a thread of its own; its answers are "ended", or the name of an error. */
function writerOf(ring: PieceRing, pieces: number): Worker {
  const program = `
    import { parentPort, workerData } from "node:worker_threads";
    const { PieceRing } = await import(${JSON.stringify(RING)});
    const ring = new PieceRing(workerData);
    try {
      for (let at = 0; at < ${pieces}; at++) ring.write(Buffer.from([at]));
      ring.end();
      parentPort.postMessage("ended");
    } catch (error) {
      parentPort.postMessage(error.name);
    }`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
    workerData: ring.memory,
  });
}

async function answerOf(worker: Worker): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

async function bytesOf(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

describe("PieceRing", () => {
  it("hands over what is written, in order, whatever the sizes and whoever is faster", async () => {
    const sizes = fc.array(fc.oneof(fc.nat(9), fc.constantFrom(PIECE_BYTES, PIECE_BYTES + 1)), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(RING_PIECES / 2 - 2), async (lengths, ahead) => {
        const ring = new PieceRing();
        const written = lengths.map((length, at) => Buffer.alloc(length, at));
        const read = bytesOf(ring.read());
        for (const [at, piece] of written.entries()) {
          ring.write(piece);
          if (at % (ahead + 1) === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        ring.end();
        expect(await read).toEqual(Buffer.concat(written));
      }),
      { numRuns: 20 },
    );
  });

  it("lets who writes wait for who reads, and has a bound", async () => {
    const ring = new PieceRing();
    const answer = answerOf(writerOf(ring, 1_000));
    const read = await bytesOf(ring.read());
    expect(read).toEqual(Buffer.from(Array.from({ length: 1_000 }, (_, at) => at)));
    expect(await answer).toBe("ended");
    expect(ring.memory.byteLength).toBeLessThan((RING_PIECES + 1) * PIECE_BYTES);
  });

  it("takes a piece that was made in its room as it is, and offers other room for the next one", async () => {
    const ring = new PieceRing();
    const rooms = ["one", "two"].map((content) => {
      const { room } = ring;
      ring.write(room.subarray(0, room.write(content)));
      return room;
    });
    ring.end();
    expect(rooms.map(({ byteLength }) => byteLength)).toEqual([PIECE_BYTES, PIECE_BYTES]);
    const places: number[] = [];
    const texts: string[] = [];
    for await (const piece of ring.read()) {
      places.push(piece.byteOffset);
      texts.push(piece.toString());
    }
    expect(texts).toEqual(["one", "two"]);
    expect(places).toEqual(rooms.map(({ byteOffset }) => byteOffset));
  });

  it("lets nobody wait for a reader who has left", async () => {
    const ring = new PieceRing();
    const answer = answerOf(writerOf(ring, 1_000));
    for await (const piece of ring.read()) {
      expect(piece).toHaveLength(1);
      break;
    }
    ring.leave();
    expect(await answer).toBe("ErrCanceled");
  });

  it("gives what is there before it says that the rest does not come", async () => {
    const ring = new PieceRing();
    ring.write(Buffer.from("a"));
    ring.break();
    const pieces = ring.read();
    expect((await pieces.next()).value).toEqual(Buffer.from("a"));
    await expect(pieces.next()).rejects.toThrow(ErrCanceled);
  });

  it("wakes who waits for pieces that do not come", async () => {
    const ring = new PieceRing();
    const next = ring.read().next();
    ring.break();
    await expect(next).rejects.toThrow(ErrCanceled);
  });
});
