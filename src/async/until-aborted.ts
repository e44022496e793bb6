import { abortable } from "./abort.ts";

/** The items of `source`, without waiting for it any longer once the signal has fired: `ErrCanceled` then. */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await abortable(iterator.next(), signal);
      ended = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a source that hangs would keep us here, which is what the signal was to end.
    if (!ended) iterator.return?.().catch(() => {});
  }
}
