import { setTimeout } from "node:timers/promises";
import type { ReplyBody } from "../http/reply.ts";
import type { ActiveFault, FaultAction } from "./fault.ts";

/** Pieces per second of a slowed body: fine enough to look steady. */
const PACE_HZ = 20;

type Chunks = AsyncIterable<Uint8Array>;

/** The body as a fault makes it, but for its early end. */
export function faultyBody(body: ReplyBody, action: FaultAction): ReplyBody {
  const { corrupt, extraBytes = 0 } = action;
  return {
    size: body.size + extraBytes,
    chunks: () => {
      const chunks = corrupt ? flipBit(body.chunks(), corrupt.offset) : body.chunks();
      return extraBytes > 0 ? lengthened(chunks, extraBytes) : chunks;
    },
  };
}

/** The chunks at the pace that a fault sets, with its pause. Throws when the connection closes meanwhile. */
export function pacedChunks(chunks: Chunks, fault: ActiveFault, wait: Wait): Chunks {
  const { bytesPerSecond, stall = false, afterBytes = 0 } = fault.action;
  const slow = bytesPerSecond === undefined ? chunks : slowed(chunks, bytesPerSecond, wait);
  return stall ? paused(slow, afterBytes, () => wait(fault.released)) : slow;
}

/** Waits for a promise to settle; throws when the connection closes before. */
export type Wait = (promise: Promise<unknown>) => Promise<void>;

/** At most the first `limit` bytes. */
export async function* firstBytes(chunks: Chunks, limit: number): Chunks {
  let left = limit;
  if (left <= 0) return;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
    if (left <= 0) return;
  }
}

async function* flipBit(chunks: Chunks, offset: number): Chunks {
  let position = 0;
  for await (const chunk of chunks) {
    const index = offset - position;
    position += chunk.byteLength;
    yield index >= 0 && index < chunk.byteLength ? flipped(chunk, index) : chunk;
  }
}

function flipped(chunk: Uint8Array, index: number): Uint8Array {
  const copy = Uint8Array.from(chunk); // the chunk may be the stored blob itself
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

async function* lengthened(chunks: Chunks, count: number): Chunks {
  yield* chunks;
  yield Buffer.alloc(count);
}

async function* slowed(chunks: Chunks, bytesPerSecond: number, wait: Wait): Chunks {
  const pieceBytes = Math.max(1, Math.floor(bytesPerSecond / PACE_HZ));
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; start += pieceBytes) {
      const piece = chunk.subarray(start, start + pieceBytes);
      await wait(setTimeout((piece.byteLength / bytesPerSecond) * 1000, undefined, { ref: false }));
      yield piece;
    }
  }
}

async function* paused(chunks: Chunks, afterBytes: number, pause: () => Promise<void>): Chunks {
  let left = afterBytes;
  for await (const chunk of chunks) {
    if (left > chunk.byteLength) {
      left -= chunk.byteLength;
      yield chunk;
      continue;
    }
    if (left > 0) yield chunk.subarray(0, left);
    await pause();
    yield chunk.subarray(left);
    left = Number.POSITIVE_INFINITY;
  }
}
