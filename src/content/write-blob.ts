import { type AbortOptions, abortable } from "../async/abort.ts";
import type { Clock } from "../async/clock.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition } from "../errors/classes.ts";
import { isAlreadyExists } from "../errors/predicates.ts";
import { openWriter } from "./open-writer.ts";
import type { Ingester, Writer } from "./store.ts";

/** What is written; a descriptor will do. */
export interface WriteBlobOptions extends AbortOptions {
  /** Digest to insist on. */
  readonly digest?: Digest | undefined;
  /** Size to insist on, in bytes; absent or 0: not checked. */
  readonly size?: number | undefined;
  /** Labels of the new blob; a blob that is there already keeps its own. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Writes all of `source` as one blob and commits it; success also when it is there already (containerd's
 * `content.WriteBlob`). Waits for the ref as `openWriter` does. `source` starts at the first byte: what an earlier writer
 * left under the ref is kept, and as much of the source dropped. Throws `ErrDataLoss` when the source ends early,
 * `ErrFailedPrecondition` when it is too long or has another digest, and what the source throws; the ingest stays.
 */
export async function writeBlob(
  ingester: Ingester,
  ref: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  options: WriteBlobOptions = {},
): Promise<void> {
  const { digest: expected, size, labels, signal, clock } = options;
  const writer = await unlessExists(openWriter(ingester, { ref, size, expected, signal, clock }));
  if (!writer) return;
  try {
    await writeAll(writer, source, options);
  } catch (error) {
    await writer.close().catch(() => {}); // the first failure is the one to tell
    throw error;
  }
  await unlessExists(writer.commit({ size, expected, labels }));
}

async function unlessExists<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isAlreadyExists(error)) return undefined;
    throw error;
  }
}

async function writeAll(
  writer: Writer,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  { size = 0, signal }: WriteBlobOptions,
): Promise<void> {
  const { ref, offset } = await writer.status();
  let position = 0;
  for await (const bytes of source instanceof Uint8Array ? [source] : untilAborted(source, signal)) {
    const rest = bytes.subarray(Math.max(0, offset - position));
    position += bytes.byteLength;
    if (size > 0 && position > size) {
      throw new ErrFailedPrecondition(`write ref ${ref}: source is longer than ${size} bytes`);
    }
    await writer.write(rest);
  }
  const wanted = Math.max(offset, size);
  if (position < wanted) {
    throw new ErrDataLoss(`write ref ${ref}: short read: expected ${wanted} bytes but got ${position}`);
  }
}

/** The chunks of `source`, without waiting for it any longer once the signal has fired. */
async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal);
      ended = next.done === true;
      if (ended) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a source that hangs would keep us here, which is what the signal was to end.
    if (!ended) iterator.return?.().catch(() => {});
  }
}
