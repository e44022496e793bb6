import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Digest, parseDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrOutOfRange } from "../../errors/classes.ts";
import type { ReaderAt } from "../store.ts";
import type { CallContext, Send } from "./call-runner.ts";
import { plainly } from "./call-status.ts";
import { type ReadContentRequest, ReadContentResponseSchema } from "./content_pb.ts";

/** Data in one message, in bytes: what containerd sends. Go's clients take 4 MiB by default. */
const PIECE_BYTES = 1_048_576;

/** Room for the fields before the data: two tags, an offset, a length. */
const HEAD_BYTES = 32;

/** Buffers that are kept for the next call: new ones for each would keep the garbage collector busier than the disk. */
const MAX_IDLE_BUFFERS = 8;
const idleBuffers: Buffer[] = [];

/**
 * Serves one `Read`: a range of a blob in pieces, the next one being read while the connection takes the last. What is sent
 * are encoded messages, made around the bytes where they were read.
 */
export async function serveRead(
  request: ReadContentRequest,
  send: Send<Buffer>,
  { store, signal }: CallContext,
): Promise<void> {
  const digest = digestToRead(request.digest);
  const reader = await store.readerAt({ digest }, { signal });
  const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(HEAD_BYTES + PIECE_BYTES);
  try {
    const { start, end } = rangeOf(request, reader.size);
    const next = (at: number): Promise<number> => readPiece(reader, buffer, { digest, start: at, end });
    let length = await next(start);
    for (let at = start; length > 0; ) {
      const message = wrap(buffer, at - start, length);
      at += length;
      // `send` copies before it returns, so the buffer may be filled again.
      const sent = send(message);
      [length] = await Promise.all([next(at), sent]);
    }
  } finally {
    await reader.close(); // only then nobody reads into the buffer any more
    if (idleBuffers.length < MAX_IDLE_BUFFERS) idleBuffers.push(buffer);
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Reads the piece that starts at `start` and returns its length; 0 at the end. */
async function readPiece(
  reader: ReaderAt,
  buffer: Buffer,
  { digest, start, end }: Range & { readonly digest: Digest },
): Promise<number> {
  const length = Math.min(PIECE_BYTES, end - start);
  if (length === 0) return 0;
  const count = await reader.readAt(buffer.subarray(HEAD_BYTES, HEAD_BYTES + length), start);
  if (count === length) return length;
  throw new ErrDataLoss(`read content ${digest} at ${start}: got ${count} bytes, want ${length}`, { digest });
}

/** A `ReadContentResponse` around the data that is in the buffer already. */
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
  return buffer.subarray(begin, HEAD_BYTES + length);
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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw plainly(new ErrInvalidArgument(`${text}: ${reason}`, { cause }));
  }
}
