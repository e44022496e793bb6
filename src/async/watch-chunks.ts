/** Who is told of chunks on their way. */
export interface ChunkWatcher {
  /** Called with the length of each chunk in bytes, once the next one is asked for. */
  readonly onTaken?: ((bytes: number) => void) | undefined;
  /** Called with what ends them before their end. */
  readonly onFailure: (error: unknown) => void;
}

/** The same chunks, of which `watcher` is told. A generator around them would cost more than the rest of a step. */
export function watchChunks(
  chunks: AsyncIterable<Uint8Array>,
  { onTaken, onFailure }: ChunkWatcher,
): AsyncIterable<Uint8Array> {
  const failed = (error: unknown): never => {
    onFailure(error);
    throw error;
  };
  return {
    [Symbol.asyncIterator]() {
      const iterator = chunks[Symbol.asyncIterator]();
      let givenBytes: number | undefined;
      const came = (result: IteratorResult<Uint8Array>): IteratorResult<Uint8Array> => {
        givenBytes = result.done ? undefined : result.value.byteLength;
        return result;
      };
      return {
        next() {
          if (givenBytes !== undefined) onTaken?.(givenBytes);
          givenBytes = undefined;
          return iterator.next().then(came, failed);
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
