import { deflateRawSync, zstdCompressSync } from "node:zlib";
import { SyncCodec } from "./sync-codec.ts";

let works: boolean | undefined;

/** Whether `SyncCodec` does in this Node.js what it does in those it was written for. Found out once, in a millisecond. */
export function syncCodecsWork(): boolean {
  const content = Buffer.alloc(1_000, "content ");
  works ??=
    doesDecode("deflate", { content, compressed: deflateRawSync(content), behind: Buffer.from("behind") }) &&
    doesDecode("zstd", { content, compressed: zstdCompressSync(content), behind: Buffer.alloc(0) });
  return works;
}

interface Trial {
  readonly content: Buffer;
  readonly compressed: Buffer;
  /** What follows the compressed data and has to be left alone. */
  readonly behind: Buffer;
}

function doesDecode(format: "deflate" | "zstd", { content, compressed, behind }: Trial): boolean {
  const codec = new SyncCodec(format);
  try {
    const first = Buffer.concat([...codec.decode(Buffer.concat([compressed, behind]))].map(copyOf));
    const { left } = codec;
    codec.reset();
    const again = Buffer.concat([...codec.decode(compressed)].map(copyOf));
    codec.reset();
    const isToldDamage = throws(() => [...codec.decode(Buffer.alloc(64, 0xff))]);
    return first.equals(content) && left === behind.byteLength && again.equals(content) && isToldDamage;
  } catch {
    return false;
  } finally {
    codec.close();
  }
}

function copyOf(piece: Buffer): Buffer {
  return Buffer.from(piece);
}

function throws(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}
