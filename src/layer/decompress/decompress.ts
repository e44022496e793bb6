import { ErrNotImplemented } from "../../errors/classes.ts";
import { compressionOf, HEAD_BYTES } from "./compression.ts";
import { gunzip } from "./gunzip.ts";
import { gunzipByStream, unzstdByStream } from "./stream-decoder.ts";
import type { RoomForPiece } from "./sync-codec.ts";
import { syncCodecsWork } from "./sync-codecs-work.ts";
import { unzstd } from "./unzstd.ts";

/** How layers are decompressed. */
export interface DecompressOptions {
  /** Whether what Node.js has below its streams is used. Default: if it works. */
  readonly isSync?: boolean | undefined;
  /** Where the next piece may be made: asked before each, for `PIECE_BYTES`. It must not throw. Default: one buffer for all of them. */
  readonly room?: RoomForPiece | undefined;
}

/**
 * The content of a layer, whose compression is told by its first bytes: gzip, zstd or none. A piece is good until the next one is
 * asked for, and so is a chunk of the source. Throws `ErrDataLoss` for data that is damaged, cut short or followed by something
 * else (zeros behind gzip are not), `ErrNotImplemented` for another compression, and what the source throws.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  { isSync = syncCodecsWork(), room }: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    const head = await readHead(chunks);
    yield* decoderFor(head, isSync)(followedBy(head, chunks), room);
  } finally {
    await chunks.return?.();
  }
}

type Decoder = (source: AsyncIterable<Uint8Array>, room?: RoomForPiece) => AsyncIterable<Uint8Array>;

function decoderFor(head: Uint8Array, isSync: boolean): Decoder {
  const compression = compressionOf(head);
  if (compression === "none") return (source) => source;
  if (compression === "gzip") return isSync ? gunzip : gunzipByStream;
  if (compression === "zstd") return isSync ? unzstd : unzstdByStream;
  throw new ErrNotImplemented(
    `decompress layer: compressed with ${compression}, which layers cannot be; compress it with gzip or zstd`,
  );
}

/** The first bytes of the source, as many as are enough to tell the compression: as a rule its first chunk. */
async function readHead(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.byteLength < HEAD_BYTES) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = head.byteLength === 0 ? next.value : Buffer.concat([head, next.value]);
    if (head.byteLength < HEAD_BYTES) head = Buffer.from(head);
  }
  return head;
}

async function* followedBy(head: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.byteLength > 0) yield head;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}
