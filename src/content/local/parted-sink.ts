import { writeSync } from "node:fs";
import { dirname } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { type Algorithm, type Digest, Digester } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { ErrFailedPrecondition } from "../../errors/classes.ts";
import { type ByteRange, ByteRanges } from "../byte-ranges.ts";
import type { WriteTimes } from "../store.ts";
import { timed } from "../write-clock.ts";
import { DataFile } from "./data-file.ts";
import { hashFile } from "./hash-file.ts";
import { type Held, type HeldOnDisk, readHeld } from "./parts-file.ts";
import { PartsRecord, type RecordIntervals } from "./parts-record.ts";

/** Bytes read back at once: large enough for full hash speed, small enough not to hold up the event loop (below 1 ms). */
const PIECE_BYTES = 1_048_576;

/**
 * Bytes that may wait for their hash while more are taken: what sixteen ranges of the largest size leave when the first one is the last
 * to come, without making the connections wait; and little enough to be in the page cache still.
 */
const MAX_BEHIND_BYTES = 512 * 1024 * 1024;

/** A file of an ingest that was handed over (`HandedFile`), as it is told to another thread. */
export interface FileToFill extends RecordIntervals {
  readonly path: string;
  readonly algorithm: Algorithm;
  /** Whether `Filled.times` is to tell. Default false. */
  readonly isTimed?: boolean | undefined;
}

/** What is in the file when it is given back. */
export interface Filled extends Held {
  /** Of the bytes up to `offset`; `undefined` when some of them have not been hashed. */
  readonly digest: Digest | undefined;
  /** For how long bytes were hashed and written, where that was measured. */
  readonly times?: WriteTimes | undefined;
}

/**
 * The data file of an ingest whose bytes come in any order, by several connections of one thread. What comes is written where it
 * belongs, and never over what is there: of two who bring the same bytes, the first one counts. The bytes are hashed in order: as they
 * come where all before them are there, and read back from the file when a hole before them has been filled. Which ranges there are is
 * written down beside the file, after their bytes.
 */
export class PartedSink {
  readonly #path: string;
  readonly #file: DataFile;
  readonly #digester: Digester;
  readonly #times: WriteTimes | undefined;
  readonly #parts: ByteRanges;
  readonly #record: PartsRecord;
  #edge: number;
  #hashed: number;
  #reading: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isClosing = false;
  /** Called when there is room for more. */
  readonly #waiting: Array<() => void> = [];

  private constructor(
    toFill: FileToFill,
    { file, digester, known }: { file: DataFile; digester: Digester; known: HeldOnDisk },
  ) {
    this.#path = dirname(toFill.path);
    this.#file = file;
    this.#digester = digester;
    this.#times = toFill.isTimed ? {} : undefined;
    this.#record = new PartsRecord({ path: this.#path, file, known }, toFill);
    this.#parts = new ByteRanges(known.held.parts);
    this.#edge = known.held.offset;
    this.#hashed = known.held.offset;
  }

  /**
   * Opens the file of a writer that has handed it over, and reads what it holds at its start through the hash. Whoever opens it closes
   * it before the file goes back to its writer. Throws the classes of `diskError`, and the abort error.
   */
  static async open(toFill: FileToFill, { signal }: AbortOptions = {}): Promise<PartedSink> {
    const { path, algorithm } = toFill;
    const ingest = dirname(path);
    const digester = new Digester(algorithm);
    let file: DataFile | undefined;
    try {
      file = new DataFile(path, "r+");
      const { size } = file.stat(); // nobody else writes there
      const known = readHeld(ingest, () => size);
      await hashFile(file, digester, { signal, length: known.held.offset });
      throwIfAborted(signal);
      return new PartedSink(toFill, { file, digester, known });
    } catch (cause) {
      file?.close();
      throw diskError("open ingest", ingest, cause);
    }
  }

  /** Bytes at the start of the file without a hole: what others may read. */
  get edge(): number {
    return this.#edge;
  }

  /** All bytes that there are. */
  get bytes(): number {
    return this.#edge + this.#parts.bytes;
  }

  /** What is there behind the edge. */
  get parts(): readonly ByteRange[] {
    return this.#parts.list;
  }

  /**
   * Takes bytes that belong at `at`. They may be reused once the call returns, or once the promise it returns settles, which it does when
   * the hash is not too far behind. Throws the classes of `diskError` (`ErrResourceExhausted` on a full disk); what was written before
   * stays.
   */
  write(at: number, bytes: Uint8Array): void | Promise<void> {
    if (this.#failure) throw this.#failure.error;
    this.#assertOpen("write to");
    if (at > this.#edge) this.#record.begin(this.#held());
    const wanted = { from: Math.max(at, this.#edge), to: at + bytes.byteLength };
    for (const { from, to } of this.#parts.missing(wanted))
      this.#fill(from, bytes.subarray(from - at, to - at));
    this.#goOn();
    if (this.#edge - this.#hashed <= MAX_BEHIND_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Digest of all up to the edge, which has been hashed when it resolves. Rejects with the classes of `diskError`. */
  async digest(): Promise<Digest> {
    while (this.#reading) await this.#reading;
    if (this.#failure) throw this.#failure.error;
    this.#assertOpen("hash");
    return this.#digester.digest();
  }

  /** Closes the file, and tells what it holds; what is not hashed yet is not waited for. Never rejects. */
  async close(): Promise<Filled> {
    this.#isClosing = true;
    await this.#reading;
    await this.#record.end(this.#held());
    this.#file.close();
    const isHashed = this.#hashed === this.#edge && !this.#failure;
    return { ...this.#held(), digest: isHashed ? this.#digester.digest() : undefined, times: this.#times };
  }

  #held(): Held {
    return { offset: this.#edge, parts: this.#parts.list };
  }

  /** Writes what is not there. */
  #fill(from: number, bytes: Uint8Array): void {
    let [at, rest] = [from, bytes];
    try {
      while (rest.byteLength > 0) {
        // A nearly full disk takes a part and fails the next call.
        const [piece, position] = [rest, at];
        const count = timed(this.#times, "writeMs", () =>
          writeSync(this.#file.fd, piece, 0, piece.byteLength, position),
        );
        this.#note(at, rest.subarray(0, count));
        at += count;
        rest = rest.subarray(count);
      }
    } catch (cause) {
      throw diskError("write ingest", this.#path, cause);
    }
    this.#record.wrote(bytes.byteLength, this.bytes, () => this.#held());
  }

  #hash(bytes: Uint8Array): void {
    timed(this.#times, "hashMs", () => this.#digester.update(bytes));
  }

  #note(at: number, bytes: Uint8Array): void {
    if (at > this.#edge) {
      this.#parts.add({ from: at, to: at + bytes.byteLength });
      return;
    }
    if (this.#hashed === this.#edge) {
      this.#hash(bytes);
      this.#hashed += bytes.byteLength;
    }
    this.#edge = this.#parts.takeAt(this.#edge + bytes.byteLength);
  }

  /** Reads back what nobody has hashed yet, if that is not being done. */
  #goOn(): void {
    if (this.#hashed === this.#edge || this.#reading || this.#failure || this.#isClosing) return;
    this.#reading = this.#catchUp().finally(() => {
      this.#reading = undefined;
      this.#wake();
      this.#goOn(); // a hole may have been filled in this very moment
    });
  }

  async #catchUp(): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    try {
      while (this.#hashed < this.#edge && !this.#isClosing) {
        const length = Math.min(PIECE_BYTES, this.#edge - this.#hashed);
        const { bytesRead } = await this.#file.read(buffer, 0, length, this.#hashed);
        if (bytesRead === 0) throw new Error(`it ends at ${this.#hashed} bytes, wanted ${this.#edge}`);
        this.#hash(buffer.subarray(0, bytesRead));
        this.#hashed += bytesRead;
        if (this.#edge - this.#hashed <= MAX_BEHIND_BYTES) this.#wake();
      }
    } catch (cause) {
      this.#failure = { error: diskError("read ingest", this.#path, cause) };
    }
  }

  #assertOpen(action: string): void {
    if (this.#isClosing) throw new ErrFailedPrecondition(`cannot ${action} closed file of an ingest`);
  }

  #wake(): void {
    for (const each of this.#waiting.splice(0)) each();
  }
}
