import { type Digest, Digester } from "../../../src/digest/digest.ts";
import type { BlobSource } from "../../../src/registry/push/push-client.ts";
import { seededBytes } from "../../../src/testing/storage/content.ts";

/** How a test blob gives its bytes. */
export interface TestBlobOptions {
  /** Bytes per chunk; default 256 KiB. */
  readonly chunkBytes?: number;
  readonly seed?: string;
}

/** Bytes by rule that come in one buffer, overwritten for each chunk, as a file's would. */
export class TestBlob implements BlobSource {
  readonly digest: Digest;
  readonly size: number;
  /** Readers that were opened and not closed again. */
  openReaders = 0;
  /** Where each reader began. */
  readonly offsets: number[] = [];
  /** Bytes given so far, by all readers. */
  bytesRead = 0;
  readonly #chunkBytes: number;
  readonly #generate: (offset: number, length: number) => Uint8Array;

  constructor(size: number, { chunkBytes = 256 * 1024, seed = "blob" }: TestBlobOptions = {}) {
    this.size = size;
    this.#chunkBytes = chunkBytes;
    this.#generate = seededBytes(seed);
    const digester = new Digester();
    for (let offset = 0; offset < size; offset += 1024 * 1024) {
      digester.update(this.#generate(offset, Math.min(1024 * 1024, size - offset)));
    }
    this.digest = digester.digest();
  }

  /** All of it. */
  bytes(): Uint8Array {
    return this.#generate(0, this.size);
  }

  async *read(offset: number, endOffset: number = this.size): AsyncGenerator<Uint8Array> {
    this.offsets.push(offset);
    this.openReaders++;
    const buffer = Buffer.alloc(this.#chunkBytes);
    try {
      for (let at = offset; at < endOffset; at += buffer.length) {
        const length = Math.min(buffer.length, endOffset - at);
        buffer.set(this.#generate(at, length));
        this.bytesRead += length;
        yield buffer.subarray(0, length);
        buffer.fill(0); // whoever still looks at it sees wrong bytes
      }
    } finally {
      this.openReaders--;
    }
  }
}
