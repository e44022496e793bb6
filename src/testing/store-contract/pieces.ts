import type { CopySource, SeekableSource } from "../../content/copy-source.ts";

/** Bytes as they would come from elsewhere, `size` at a time. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

/** The same as a source that must be sought where it is to start, and never gives what comes before. */
export function seekable(bytes: Uint8Array, size: number): SeekableSource {
  let start = 0;
  return {
    async seek(offset) {
      start = offset;
      return offset;
    },
    [Symbol.asyncIterator]: () => pieces(bytes.subarray(start), size),
  };
}

/** The same by random access; reads give less than is asked for, as they may. */
export function randomAccess(bytes: Uint8Array): Extract<CopySource, { readAt: unknown }> {
  return {
    size: bytes.byteLength,
    async readAt(buffer, offset) {
      const part = bytes.subarray(offset, offset + Math.min(buffer.byteLength, 999));
      buffer.set(part);
      return part.byteLength;
    },
  };
}
