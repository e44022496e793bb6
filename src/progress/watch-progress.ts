import type { Progress } from "./progress.ts";
import { WaitingProgress } from "./waiting-progress.ts";

/** Work under way, and what it tells, to be iterated over. */
export interface WatchedWork<T, P extends Progress = Progress> extends AsyncIterable<P> {
  /** What the work gives. Nobody needs to listen to its rejection: the iteration throws it, too. */
  readonly result: Promise<T>;
}

/**
 * Begins work that tells its progress to a sink, and gives that progress as an async iterable, which ends with the work and throws what
 * it throws. Who iterates slowly gets all messages, and of everything else the newest. To be iterated over once; leaving the iteration
 * ends nothing, which is what the work's own signal is for.
 */
export function watchProgress<T, P extends Progress = Progress>(
  work: (onProgress: (progress: P) => void) => Promise<T>,
): WatchedWork<T, P> {
  const waiting = new WaitingProgress<P>();
  let isOver = false;
  let isLeft = false;
  let news = Promise.withResolvers<void>();
  const wake = (): void => {
    news.resolve();
    news = Promise.withResolvers();
  };
  const result = work((progress) => {
    if (isLeft) return;
    waiting.add(progress);
    wake();
  });
  const end = (): void => {
    isOver = true;
    wake();
  };
  result.then(end, end);

  async function* iterate(): AsyncGenerator<P> {
    try {
      for (;;) {
        for (let next = waiting.take(); next; next = waiting.take()) yield next;
        if (isOver) break;
        await news.promise;
      }
    } finally {
      isLeft = true;
      waiting.clear();
    }
    await result;
  }
  return { result, [Symbol.asyncIterator]: iterate };
}
