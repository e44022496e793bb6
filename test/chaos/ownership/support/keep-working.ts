import type { Distribution } from "../../../../src/index.ts";

/** One piece of work, which goes on until it is told to end. */
interface Piece {
  readonly end: () => void;
  readonly ended: Promise<void>;
}

/**
 * Keeps work going in the root: each piece begins before the one before it ends, so that there is none at no
 * moment. Disposing of it ends the last one.
 */
export async function keepWorking(distribution: Distribution): Promise<AsyncDisposable> {
  let piece = await begin(distribution);
  const over = new AbortController();
  const relay = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const next = await begin(distribution);
      piece.end();
      await piece.ended;
      piece = next;
      await new Promise((resolve) => void setTimeout(resolve, 2)); // leaves some time to the others
    }
  };
  const relaying = relay();
  return {
    async [Symbol.asyncDispose]() {
      over.abort();
      await relaying;
      piece.end();
      await piece.ended;
    },
  };
}

async function begin(distribution: Distribution): Promise<Piece> {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const ended = distribution.withLease(async () => {
    begun.resolve();
    await end.promise;
  });
  await Promise.race([begun.promise, ended]);
  return { end: () => end.resolve(), ended };
}
