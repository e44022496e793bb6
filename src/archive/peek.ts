/** The first bytes of a stream, and the stream with them. */
export interface Peeked {
  /** As many bytes as were asked for; fewer where the stream has no more. */
  readonly head: Uint8Array;
  /** Everything, from the first byte. It has to be read or left by `return`, which lets the source go. */
  readonly whole: AsyncGenerator<Uint8Array>;
}

/** Looks at the first `count` bytes of a stream. A chunk must stay as it is once it was given. Throws what the source throws. */
export async function peek(source: AsyncIterable<Uint8Array>, count: number): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]();
  let read = Buffer.alloc(0);
  while (read.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    read = Buffer.concat([read, next.value]);
  }
  return { head: read.subarray(0, count), whole: concatenate(read, iterator) };
}

async function* concatenate(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}
