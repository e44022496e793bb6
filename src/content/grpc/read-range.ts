import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrOutOfRange } from "../../errors/classes.ts";
import { messageOf } from "../../errors/message-of.ts";
import type { ReaderAt } from "../store.ts";
import type { CallContext, FrameSink } from "./call-runner.ts";
import { type ReadContentRequest, ReadContentResponseSchema } from "./content_pb.ts";
import { PieceBuffers } from "./piece-buffers.ts";
import type { ReaderCache } from "./reader-cache.ts";
import { FRAME_HEAD_BYTES, writeFrameHead } from "./wire/frame.ts";
import { plainly } from "./wire/plainly.ts";

/** Room before the data: the head of the frame, then the fields, which are two tags, an offset and a length. */
const HEAD_BYTES = FRAME_HEAD_BYTES + 32;

const buffers = new PieceBuffers(HEAD_BYTES);

/** What `serveRead` works with. */
export interface ReadParts {
  readonly request: ReadContentRequest;
  readonly sink: FrameSink;
  readonly readers: ReaderCache;
}

/**
 * Serves one `Read`: a range of a blob in pieces, the next one being read while the connection takes the last. What is sent
 * are framed messages, made around the bytes where they were read.
 */
export async function serveRead({ request, sink, readers }: ReadParts, context: CallContext): Promise<void> {
  const digest = digestToRead(request.digest);
  await using shared = await readers.open(digest, context);
  const { reader } = shared;
  const { start, end } = rangeOf(request, reader.size);
  if (start === end) {
    await sink.finish();
    return;
  }
  using room = buffers.forCall();
  let piece = await readPiece(reader, room.take(end - start), { digest, start, end });
  for (let at = start; ; ) {
    const message = wrap(piece, at - start);
    at += piece.length;
    if (at === end) {
      if (await sink.finish(message)) room.giveBack(piece.buffer);
      return;
    }
    const sent = sink.send(message);
    const [next] = await Promise.all([
      readPiece(reader, room.take(end - at), { digest, start: at, end }),
      sent,
    ]);
    room.giveBack(piece.buffer);
    piece = next;
  }
}

/** Data of a blob, with room before it. */
interface Piece {
  readonly buffer: Buffer;
  readonly length: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Fills the buffer with the piece that starts at `start`. */
async function readPiece(
  reader: ReaderAt,
  buffer: Buffer,
  { digest, start, end }: Range & { readonly digest: Digest },
): Promise<Piece> {
  const length = Math.min(buffer.byteLength - HEAD_BYTES, end - start);
  const count = await reader.readAt(buffer.subarray(HEAD_BYTES, HEAD_BYTES + length), start);
  if (count === length) return { buffer, length };
  throw new ErrDataLoss(`read content ${digest} at ${start}: got ${count} bytes, want ${length}`, { digest });
}

/** A framed `ReadContentResponse` around the data that is in the buffer already. */
function wrap({ buffer, length }: Piece, offset: number): Buffer {
  const { offset: first, data: second } = ReadContentResponseSchema.field;
  const head = new BinaryWriter()
    .tag(first.number, WireType.Varint)
    .int64(offset)
    .tag(second.number, WireType.LengthDelimited)
    .uint32(length)
    .finish();
  const begin = HEAD_BYTES - head.byteLength;
  buffer.set(head, begin);
  const framed = buffer.subarray(begin - FRAME_HEAD_BYTES, HEAD_BYTES + length);
  writeFrameHead(framed, head.byteLength + length);
  return framed;
}

/** A negative offset means 0; a size of 0 or less, or one beyond the end, the rest. */
function rangeOf({ offset, size }: ReadContentRequest, length: number): Range {
  if (offset > BigInt(length)) {
    throw plainly(new ErrOutOfRange(`read past object length ${length} bytes`));
  }
  const start = offset > 0n ? Number(offset) : 0;
  const whole = size <= 0n || size > BigInt(length - start);
  return { start, end: whole ? length : start + Number(size) };
}

function digestToRead(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (cause) {
    const reason = messageOf(cause);
    throw plainly(new ErrInvalidArgument(`${text}: ${reason}`, { cause }));
  }
}
