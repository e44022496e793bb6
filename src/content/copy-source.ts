import { type AbortOptions, abortable, throwIfAborted } from "../async/abort.ts";
import { untilAborted } from "../async/until-aborted.ts";
import { ErrDataLoss, ErrUnknown } from "../errors/classes.ts";
import { messageOf } from "../errors/message-of.ts";
import { findError } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { ReaderAt } from "./store.ts";

/** A stream of bytes that can start anywhere. */
export interface SeekableSource extends AsyncIterable<Uint8Array> {
  /** Makes the next iteration start `offset` bytes behind the first byte; resolves to where it will start. */
  seek(offset: number): Promise<number>;
}

/** Bytes to copy: memory, something with random access, or a stream from the first byte on, which may be seekable. */
export type CopySource =
  | Uint8Array
  | Pick<ReaderAt, "size" | "readAt">
  | SeekableSource
  | AsyncIterable<Uint8Array>;

/** Where reading starts. */
export interface ReadFromOptions extends AbortOptions {
  /** First byte wanted, counted from the first byte of the source. */
  readonly offset: number;
  /** Name of the ingest that is continued, for errors. */
  readonly ref: string;
  /** Whether the source was read before; default false. */
  readonly again?: boolean | undefined;
}

/** Bytes that are handed on at once (containerd's copy buffer). */
export const COPY_BYTES = 1_048_576;

/**
 * The bytes of `source` from an offset on, each piece valid until the next one is asked for: by random access or a
 * seek where the source can, otherwise by dropping what comes before (as in containerd). Throws `ErrDataLoss`
 * (`unable to resume write to <ref>: ...`) for a source that does not reach the offset or cannot be read again,
 * `ErrCanceled` when the signal fires, even while the source hangs, and what the source throws.
 */
export function readFrom(source: CopySource, options: ReadFromOptions): AsyncIterable<Uint8Array> {
  if (source instanceof Uint8Array) return readMemory(source, options);
  if ("readAt" in source) return readSection(source, options);
  if ("seek" in source) return readSeekable(source, options);
  return readStream(source, options);
}

async function* readMemory(bytes: Uint8Array, options: ReadFromOptions): AsyncGenerator<Uint8Array> {
  assertReaches(bytes.byteLength, options);
  for (let at = options.offset; at < bytes.byteLength; at += COPY_BYTES) {
    throwIfAborted(options.signal);
    yield bytes.subarray(at, at + COPY_BYTES);
  }
}

async function* readSection(
  reader: Pick<ReaderAt, "size" | "readAt">,
  options: ReadFromOptions,
): AsyncGenerator<Uint8Array> {
  assertReaches(reader.size, options);
  const buffer = new Uint8Array(Math.min(COPY_BYTES, reader.size - options.offset));
  for (let at = options.offset; at < reader.size; ) {
    const count = await abortable(reader.readAt(buffer, at), options.signal);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    at += count;
  }
}

async function* readSeekable(source: SeekableSource, options: ReadFromOptions): AsyncGenerator<Uint8Array> {
  const { offset, signal, again } = options;
  if (offset > 0 || again) {
    const reached = await abortable(source.seek(offset), signal).catch((error: unknown) => {
      throw cannotResume(options, error);
    });
    if (reached !== offset) throw cannotResume(options, `sought offset ${offset}, got ${reached}`);
  }
  yield* untilAborted(source, signal);
}

async function* readStream(
  source: AsyncIterable<Uint8Array>,
  options: ReadFromOptions,
): AsyncGenerator<Uint8Array> {
  const { offset, signal, again } = options;
  if (again) throw cannotResume(options, "source cannot be read again");
  let position = 0;
  for await (const bytes of untilAborted(source, signal)) {
    const rest = bytes.subarray(Math.max(0, offset - position));
    position += bytes.byteLength;
    if (rest.byteLength > 0) yield rest;
  }
  assertReaches(position, options);
}

function assertReaches(size: number, options: ReadFromOptions): void {
  if (size >= options.offset) return;
  throw cannotResume(options, `unable to discard to offset ${options.offset}: source ended at ${size}`);
}

function cannotResume({ ref }: ReadFromOptions, reason: unknown): Error {
  const text = `unable to resume write to ${ref}: `;
  if (typeof reason === "string") return new ErrDataLoss(`${text}${reason}`);
  const typed = findError(reason);
  if (typed) return withMessage(typed, `${text}${typed.message}`);
  return new ErrUnknown(`${text}${messageOf(reason)}`, {
    cause: reason,
  });
}
