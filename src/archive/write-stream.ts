import { once } from "node:events";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { type AbortOptions, abortable, throwIfAborted } from "../async/abort.ts";
import { ErrFailedPrecondition } from "../errors/classes.ts";

/**
 * Writes all chunks to a stream that stays its owner's, and gives it no more than it has room for. Rejects with the
 * stream's own error, with `ErrFailedPrecondition` for a stream that its owner has ended, and with the abort error as soon as
 * the signal fires: a stream that takes nothing any more keeps nobody waiting. No listener stays behind.
 */
export async function writeStream(
  chunks: AsyncIterable<Uint8Array>,
  target: Writable,
  { signal }: AbortOptions,
): Promise<void> {
  const over = new AbortController();
  const ended = failureOf(target, over.signal);
  ended.catch(() => {}); // it is looked at whenever the stream takes no more
  try {
    for await (const chunk of chunks) {
      throwIfAborted(signal);
      if (target.writableEnded) throw endedEarly();
      if (!target.writable) await abortable(ended, signal); // it is broken, and says why
      if (target.write(chunk)) continue;
      await abortable(Promise.race([once(target, "drain", { signal: over.signal }), ended]), signal);
    }
  } finally {
    over.abort();
  }
}

/** Rejects when the stream ends before we have, until `over` fires. */
async function failureOf(target: Writable, over: AbortSignal): Promise<never> {
  await finished(target, { readable: false, cleanup: true, signal: over });
  throw endedEarly();
}

function endedEarly(): ErrFailedPrecondition {
  return new ErrFailedPrecondition("write archive: the stream was ended before everything was written");
}
