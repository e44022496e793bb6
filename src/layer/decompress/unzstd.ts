import { messageOf } from "../../errors/message-of.ts";
import { decompressionError } from "./fault.ts";
import { type RoomForPiece, SyncCodec } from "./sync-codec.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/**
 * The content of zstd data with any number of frames, those to be skipped among them. A piece is good until the next one is
 * asked for, as is a chunk of the source. Throws `ErrDataLoss`, and what the source throws.
 */
export async function* unzstd(
  source: AsyncIterable<Uint8Array>,
  room?: RoomForPiece,
): AsyncGenerator<Buffer> {
  const codec = new SyncCodec("zstd", room);
  const frames = new ZstdFrames();
  try {
    for await (const chunk of source) yield* decodeFrames(chunk, { codec, frames });
    if (!frames.isBetween) throw decompressionError("zstd", "unexpected end of data");
  } finally {
    codec.close();
  }
}

/** No call gets bytes of two frames: zstd stops at the end of the first one. */
function* decodeFrames(
  chunk: Uint8Array,
  { codec, frames }: { readonly codec: SyncCodec; readonly frames: ZstdFrames },
): Generator<Buffer> {
  for (let at = 0; at < chunk.byteLength; ) {
    const end = at + frames.take(chunk.subarray(at));
    try {
      yield* codec.decode(chunk.subarray(at, end));
    } catch (cause) {
      throw decompressionError("zstd", messageOf(cause), cause);
    }
    if (codec.left > 0) throw decompressionError("zstd", "something else follows the data");
    at = end;
  }
}
