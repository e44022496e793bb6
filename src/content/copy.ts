import type { AbortOptions } from "../async/abort.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition } from "../errors/classes.ts";
import { findError, isAlreadyExists } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import { COPY_BYTES, type CopySource, readFrom } from "./copy-source.ts";
import { ErrReset } from "./err-reset.ts";
import type { CommitOptions, Writer } from "./store.ts";

/** What is copied. */
export interface CopyOptions extends CommitOptions, AbortOptions {
  /**
   * Size of the whole source in bytes.
   * @unit bytes
   * @defaultValue not checked, as with 0
   * @example size: 5
   */
  readonly size?: number | undefined;
  /**
   * Digest of the whole source.
   * @defaultValue not checked
   * @example expected: digestOf("hello")
   */
  readonly expected?: Digest | undefined;
}

/** How often a writer may lose what it has (containerd 1.6's limit). */
const MAX_RESETS = 5;

/**
 * Appends to `writer` what it lacks of `source` and commits; success also when the content is there already
 * (containerd's `content.Copy`). A writer that throws `ErrReset` is written to again from where it stands then, up to
 * five times, unless the source is a stream that cannot seek. The source starts at the first byte: what the ingest
 * holds is skipped as `readFrom` does. Throws `ErrDataLoss` when the source ends early, `ErrFailedPrecondition` when
 * it is too long or has another digest, and what the source throws: everything read until then is written. The caller
 * closes the writer, unless commit has done it.
 */
export async function copy(writer: Writer, source: CopySource, options: CopyOptions = {}): Promise<void> {
  for (let resets = 0; ; resets++) {
    try {
      await copyOnce(writer, source, { ...options, again: resets > 0 });
      return;
    } catch (error) {
      if (!(error instanceof ErrReset) || resets === MAX_RESETS) throw error;
    }
  }
}

async function copyOnce(
  writer: Writer,
  source: CopySource,
  { again, ...options }: CopyOptions & { readonly again: boolean },
): Promise<void> {
  const { size = 0, signal } = options;
  const { ref, offset } = await writer.status();
  const bytes = readFrom(source, { offset, ref, signal, again });
  for await (const piece of inFullPieces(bounded(bytes, { offset, size, ref }))) await writer.write(piece);
  await commit(writer, ref, options);
}

async function commit(writer: Writer, ref: string, options: CopyOptions): Promise<void> {
  try {
    await writer.commit(options);
  } catch (error) {
    if (isAlreadyExists(error)) return;
    const typed = findError(error);
    throw typed ? withMessage(typed, `failed commit on ref "${ref}": ${typed.message}`) : error;
  }
}

/** Lets `size` bytes through, of which `offset` are there already: no fewer and, before they are written, no more. */
async function* bounded(
  source: AsyncIterable<Uint8Array>,
  { offset, size, ref }: { readonly offset: number; readonly size: number; readonly ref: string },
): AsyncGenerator<Uint8Array> {
  let position = offset;
  for await (const bytes of source) {
    position += bytes.byteLength;
    if (size > 0 && position > size) {
      throw new ErrFailedPrecondition(`write ref ${ref}: source is longer than ${size} bytes`);
    }
    yield bytes;
  }
  if (position < size) {
    const counts = `expected ${size - offset} bytes but got ${position - offset}`;
    throw new ErrDataLoss(`write ref ${ref}: short read: ${counts}`);
  }
}

/**
 * Joins small pieces, because each one written costs a call, on a remote store a message. What has come before a failure
 * of the source is handed on before that failure is.
 */
async function* inFullPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(0);
  let used = 0;
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const bytes of source) {
      let rest = bytes;
      while (used + rest.byteLength >= COPY_BYTES) {
        const room = COPY_BYTES - used;
        const head = rest.subarray(0, room);
        if (used > 0) buffer = appended(buffer, used, head);
        yield used > 0 ? buffer : head;
        rest = rest.subarray(room);
        used = 0;
      }
      if (rest.byteLength === 0) continue;
      buffer = appended(buffer, used, rest);
      used += rest.byteLength;
    }
  } catch (error) {
    failure = { error };
  }
  if (used > 0) yield buffer.subarray(0, used);
  if (failure) throw failure.error;
}

/** `bytes` behind the first `used` of `buffer`, or of a larger one: what is small as a whole gets no piece of full size. */
function appended(buffer: Uint8Array<ArrayBuffer>, used: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const needed = used + bytes.byteLength;
  let into = buffer;
  if (needed > buffer.byteLength) {
    into = new Uint8Array(Math.min(COPY_BYTES, Math.max(needed, 2 * buffer.byteLength)));
    into.set(buffer.subarray(0, used));
  }
  into.set(bytes, used);
  return into;
}
