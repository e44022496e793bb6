import type { TarEntry } from "./tar-entry.ts";
import { unexpectedEnd } from "./tar-fault.ts";
import { TarGrammar, type TarStep } from "./tar-grammar.ts";
import { paddingOf, RECORD_BYTES } from "./tar-header.ts";

/** Whoever wants to know what is in an archive. What it throws goes through `write` and `end` of the reader. */
export interface TarSink {
  /** An entry begins. */
  begin(entry: TarEntry): void;
  /** The next bytes of its content, in order. They are the chunk's own: whoever needs them longer copies them. */
  content(piece: Buffer): void;
  /** The entry's content is complete. */
  end(): void;
}

/** What the next bytes are. */
type Expected = "record" | "extension" | "content" | "padding" | "nothing";

/**
 * Reads a tar archive that is pushed, in chunks of any size, without a promise and without copying content: a header or name
 * that lies in two chunks is put together, everything else is given on as it comes. As with Go's archive/tar two records of
 * zeros end it, or the end of the data behind an entry.
 */
export class TarReader {
  readonly #sink: TarSink;
  readonly #grammar = new TarGrammar();
  #expected: Expected = "record";
  /** Bytes that are still expected of what is read. */
  #left = RECORD_BYTES;
  /** Padding behind what is read. */
  #padding = 0;
  /** Room for a record or extension that began in an earlier chunk; its last `#left` bytes are missing. */
  #partial: Buffer | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes. Throws `TarFault`, and what the sink throws; nothing may be written afterwards. */
  write(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.byteLength && this.#expected !== "nothing") {
      const piece = bytes.subarray(at, Math.min(at + this.#left, bytes.byteLength));
      this.#left -= piece.byteLength;
      at += piece.byteLength;
      this.#take(piece);
    }
  }

  /** The data has ended. Throws `TarFault` when the archive has not. */
  finish(): void {
    const isBetween = this.#expected === "record" && this.#left === RECORD_BYTES;
    if (isBetween || this.#expected === "padding" || this.#expected === "nothing") return;
    throw unexpectedEnd();
  }

  #take(piece: Buffer): void {
    switch (this.#expected) {
      case "record":
      case "extension":
        this.#collect(piece);
        break;
      case "content":
        this.#sink.content(piece);
        if (this.#left === 0) this.#endEntry();
        break;
      case "padding":
        if (this.#left === 0) this.#expect("record", RECORD_BYTES);
        break;
      case "nothing":
    }
  }

  #collect(piece: Buffer): void {
    const whole = this.#completed(piece);
    if (whole === undefined) return;
    this.#partial = undefined;
    if (this.#expected === "record") this.#follow(this.#grammar.record(whole));
    else this.#endExtension(whole);
  }

  #completed(piece: Buffer): Buffer | undefined {
    if (this.#partial === undefined && this.#left === 0) return piece;
    this.#partial ??= Buffer.allocUnsafe(piece.byteLength + this.#left);
    piece.copy(this.#partial, this.#partial.byteLength - this.#left - piece.byteLength);
    return this.#left === 0 ? this.#partial : undefined;
  }

  #endExtension(content: Buffer): void {
    const step = this.#grammar.extension(content);
    if (this.#padding > 0) this.#expect("padding", this.#padding);
    else this.#follow(step);
  }

  #follow(step: TarStep): void {
    switch (step.kind) {
      case "record":
        this.#expect("record", RECORD_BYTES);
        break;
      case "extension":
        this.#padding = paddingOf(step.size);
        this.#expect("extension", step.size);
        if (step.size === 0) this.#endExtension(Buffer.alloc(0));
        break;
      case "entry":
        this.#beginEntry(step.entry);
        break;
      case "end":
        this.#expect("nothing", 0);
    }
  }

  #beginEntry(entry: TarEntry): void {
    this.#sink.begin(entry);
    this.#padding = paddingOf(entry.size);
    this.#expect("content", entry.size);
    if (entry.size === 0) this.#endEntry();
  }

  #endEntry(): void {
    this.#sink.end();
    if (this.#padding > 0) this.#expect("padding", this.#padding);
    else this.#expect("record", RECORD_BYTES);
  }

  #expect(expected: Expected, bytes: number): void {
    this.#expected = expected;
    this.#left = bytes;
  }
}
