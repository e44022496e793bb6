import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrOutOfRange } from "../../errors/classes.ts";
import { messageOf } from "../../errors/message-of.ts";
import type { ReaderAt } from "../store.ts";
import type { CallContext, FrameSink } from "./call-runner.ts";
import { type ReadContentRequest, ReadContentResponseSchema } from "./content_pb.ts";
import type { ReaderCache } from "./reader-cache.ts";
import { FRAME_HEAD_BYTES, writeFrameHead } from "./wire/frame.ts";
import { plainly } from "./wire/plainly.ts";

/** Data in one message, in bytes: what containerd sends. Go's clients take 4 MiB by default. */
const PIECE_BYTES = 1_048_576;

/** Room before the data: the head of the frame, then the fields, which are two tags, an offset and a length. */
const HEAD_BYTES = FRAME_HEAD_BYTES + 32;

/** Buffers that are kept for the next call: new ones for each would keep the garbage collector busier than the disk. */
const MAX_IDLE_BUFFERS = 8;
const idleBuffers: Buffer[] = [];

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
  let [buffer, next] = [takeBuffer(), takeBuffer()];
  let length = await readPiece(reader, buffer, { digest, start, end });
  for (let at = start; ; ) {
    const message = wrap(buffer, at - start, length);
    at += length;
    if (at === end) {
      if (await sink.finish(message)) giveBack(buffer);
      giveBack(next);
      return;
    }
    const sent = sink.send(message);
    [length] = await Promise.all([readPiece(reader, next, { digest, start: at, end }), sent]);
    [buffer, next] = [next, buffer];
  }
}

function takeBuffer(): Buffer {
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(HEAD_BYTES + PIECE_BYTES);
}

/**
 * Only for buffers that neither the file nor the connection uses any more: those of calls that failed are left to the
 * collector.
 */
function giveBack(buffer: Buffer): void {
  if (idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Reads the piece that starts at `start` and returns its length. */
async function readPiece(
  reader: ReaderAt,
  buffer: Buffer,
  { digest, start, end }: Range & { readonly digest: Digest },
): Promise<number> {
  const length = Math.min(PIECE_BYTES, end - start);
  const count = await reader.readAt(buffer.subarray(HEAD_BYTES, HEAD_BYTES + length), start);
  if (count === length) return length;
  throw new ErrDataLoss(`read content ${digest} at ${start}: got ${count} bytes, want ${length}`, { digest });
}

/** A framed `ReadContentResponse` around the data that is in the buffer already. */
function wrap(buffer: Buffer, offset: number, length: number): Buffer {
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
