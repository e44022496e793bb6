import { decompressionError } from "./fault.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const [RLE_BLOCK, RESERVED_BLOCK] = [1, 3];

/** Bytes of the dictionary's id and of the content's size, by their flags (RFC 8878 section 3.1.1.1). */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/** What is wanted next: some bytes to look at, some that are passed over, or the news that a frame is complete. */
type Wanted = { readonly see: number } | { readonly pass: number } | "frame end";

/**
 * Where the frames of zstd data end (RFC 8878), told by the sizes in their headers. zstd itself tells too little through
 * Node.js: neither whether the last frame is complete, nor, to its streams, that there is another one.
 */
export class ZstdFrames {
  readonly #walk = walkFrames();
  #wanted: Wanted;
  #seen: number[] = [];
  #passed = 0;
  #isBetween = true;

  constructor() {
    this.#wanted = this.#walk.next().value;
  }

  /** Whether the data may end here. */
  get isBetween(): boolean {
    return this.#isBetween;
  }

  /** How many of the bytes belong to the current frame: all of them, unless it ends among them. Throws `ErrDataLoss`. */
  take(bytes: Uint8Array): number {
    let at = 0;
    this.#isBetween = false;
    while (at < bytes.byteLength) {
      at += this.#takeSome(bytes.subarray(at));
      if (this.#wanted !== "frame end") continue;
      this.#advance([]);
      this.#isBetween = true;
      return at;
    }
    return at;
  }

  #takeSome(bytes: Uint8Array): number {
    const wanted = this.#wanted;
    if (wanted === "frame end") return 0;
    if ("see" in wanted) {
      const taken = bytes.subarray(0, wanted.see - this.#seen.length);
      this.#seen.push(...taken);
      if (this.#seen.length === wanted.see) this.#advance(this.#seen);
      return taken.byteLength;
    }
    const passed = Math.min(bytes.byteLength, wanted.pass - this.#passed);
    this.#passed += passed;
    if (this.#passed === wanted.pass) this.#advance([]);
    return passed;
  }

  #advance(seen: readonly number[]): void {
    this.#seen = [];
    this.#passed = 0;
    this.#wanted = this.#walk.next(seen).value;
  }
}

function* walkFrames(): Generator<Wanted, never, readonly number[]> {
  for (;;) {
    const magic = littleEndian(yield { see: 4 });
    if (magic === MAGIC) yield* walkFrame();
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) yield* pass(littleEndian(yield { see: 4 }));
    else throw decompressionError("zstd", "something else follows the data");
    yield "frame end";
  }
}

function* walkFrame(): Generator<Wanted, void, readonly number[]> {
  const [descriptor = 0] = yield { see: 1 };
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const window = isSingleSegment ? 0 : 1;
  const size = sizeFlag === 0 && isSingleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
  yield* pass(window + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + size);
  for (;;) {
    const header = littleEndian(yield { see: 3 });
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) throw decompressionError("zstd", "unknown type of block");
    yield* pass(type === RLE_BLOCK ? 1 : header >> 3);
    if ((header & 1) !== 0) break;
  }
  if ((descriptor & 4) !== 0) yield* pass(4); // a checksum, which zstd verifies
}

function* pass(bytes: number): Generator<Wanted, void, readonly number[]> {
  if (bytes > 0) yield { pass: bytes };
}

function littleEndian(bytes: readonly number[]): number {
  return bytes.reduceRight((value, byte) => value * 0x100 + byte, 0);
}
