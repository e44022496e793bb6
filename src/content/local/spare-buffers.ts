/** Size of the smallest buffer, in bytes; the others have twice as much as the one before. */
const LEAST_BYTES = 4 * 1024;

/** Most that is kept for the next one, in bytes: what all small blobs that come over the connections of one host hold at a time. */
const MAX_SPARE_BYTES = 2 * 1024 * 1024;

const spares = new Map<number, Buffer[]>();
let spareBytes = 0;

/**
 * A buffer of at least so many bytes, one that somebody gave back if there is any: to touch memory for the first time takes longer than
 * to copy a small blob into it. What is in it is anything.
 */
export function takeBuffer(bytes: number): Buffer {
  const size = sizeFor(bytes);
  const spare = spares.get(size)?.pop();
  if (!spare) return Buffer.allocUnsafeSlow(size);
  spareBytes -= size;
  return spare;
}

/** Leaves a buffer that `takeBuffer` gave to the next one; nobody reads or writes it any more. */
export function giveBackBuffer(buffer: Buffer): void {
  const size = buffer.length;
  if (spareBytes + size > MAX_SPARE_BYTES) return;
  spareBytes += size;
  const line = spares.get(size) ?? [];
  spares.set(size, line);
  line.push(buffer);
}

function sizeFor(bytes: number): number {
  let size = LEAST_BYTES;
  while (size < bytes) size *= 2;
  return size;
}
