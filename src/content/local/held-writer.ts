import { nowNs } from "../../async/wall-clock.ts";
import { type Algorithm, algorithmOf, type Digest, digestOf } from "../../digest/digest.ts";
import {
  ErrAborted,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrOutOfRange,
} from "../../errors/classes.ts";
import { validateLabels } from "../labels/label-store.ts";
import type { CommitOptions, Status, Writer } from "../store.ts";
import { giveBackBuffer, takeBuffer } from "./spare-buffers.ts";

/**
 * Content up to so many bytes may be held in memory until it is complete: what is done for an ingest on disk takes longer than to bring
 * so much of it again.
 */
export const MAX_HELD_BYTES = 256 * 1024;

/** How long it is held, in milliseconds from its first bytes on: what comes more slowly is to be seen, and to survive. */
const MAX_HELD_MS = 1_000;

/** What a held writer works with. */
export interface HeldWriterParts {
  readonly ref: string;
  /** Announced size in bytes: more of them cannot be written. */
  readonly size: number;
  readonly expected: Digest | undefined;
  /** By which content is hashed as long as nobody asks for another one. */
  readonly algorithm: Algorithm;
  /** Milliseconds on some clock. */
  readonly elapsed: () => number;
  /** Makes content of verified bytes, durably. */
  readonly publish: (bytes: Uint8Array, digest: Digest, options: CommitOptions) => Promise<void>;
  /** Opens the same ingest on disk, where the writer goes on; that one gives the ref free. */
  readonly openOnDisk: () => Promise<Writer>;
  /** Told once that nothing is held any more. */
  readonly onGone: () => void;
  /** Gives the ref free. */
  readonly release: () => void;
}

/**
 * A writer of the local store that keeps its bytes in memory until they are complete, and writes them once. It has no file. What is left
 * incomplete, or takes long, becomes an ingest on disk like any other.
 */
export class HeldWriter implements Writer {
  readonly #parts: HeldWriterParts;
  readonly #startedAtNs = nowNs();
  #bytes: Buffer | undefined;
  #length = 0;
  /** When the first bytes came. */
  #sinceMs: number | undefined;
  #updatedAtNs = this.#startedAtNs;
  #digest: Digest | undefined;
  #isAborted = false;
  /** Where it goes on. */
  #onDisk: Promise<Writer> | undefined;
  #inner: Writer | undefined;
  /** Settles when the writer has let go of everything; set as soon as it takes no more calls. */
  #ended: Promise<unknown> | undefined;

  constructor(parts: HeldWriterParts) {
    this.#parts = parts;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    this.#assertOpen("write to");
    if (this.#onDisk) return this.#writeOnDisk(bytes);
    const { size, ref, elapsed } = this.#parts;
    if (this.#length + bytes.length > size) {
      throw new ErrOutOfRange(`write to ref ${ref}: got more than the ${size} bytes announced`);
    }
    this.#bytes ??= takeBuffer(size);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#digest = undefined;
    this.#updatedAtNs = nowNs();
    this.#sinceMs ??= elapsed();
    const isSlow = elapsed() - this.#sinceMs > MAX_HELD_MS && !this.#isAborted;
    return isSlow ? this.#goOnOnDisk() : undefined;
  }

  digest(): Digest | undefined {
    if (this.#inner) return this.#inner.digest();
    this.#digest ??= digestOf(this.#held, this.#parts.algorithm);
    return this.#digest;
  }

  async status(): Promise<Status> {
    if (this.#onDisk) return await (await this.#onDisk).status();
    const { expected } = this.#parts;
    return { ...this.listed(), ...(expected !== undefined && { expected }) };
  }

  /** What listings tell of it as long as it is held. */
  listed(): Status {
    const { ref, size } = this.#parts;
    const times = { startedAtNs: this.#startedAtNs, updatedAtNs: this.#updatedAtNs };
    return { ref, offset: this.#length, total: size, ...times };
  }

  async truncate(size: number): Promise<void> {
    this.#assertOpen("truncate");
    if (size !== 0) throw new ErrInvalidArgument(`cannot truncate ingest: got size ${size}, want 0`);
    if (this.#onDisk) return await (await this.#onDisk).truncate(0);
    this.#length = 0;
    this.#digest = undefined;
  }

  async commit(options: CommitOptions = {}): Promise<Digest> {
    this.#assertOpen("commit on");
    const committed = this.#onDisk
      ? this.#onDisk.then((writer) => writer.commit(options))
      : this.#commit(options);
    this.#ended = Promise.allSettled([committed]); // its failure is told to the caller of commit
    return await committed;
  }

  async close(): Promise<void> {
    this.#ended ??= this.#leave();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {}); // it would hide what failed before
  }

  /** Somebody has removed the ingest: its bytes are gone, which the writer finds out at commit. */
  abort(): void {
    this.#isAborted = true;
    this.#parts.onGone();
  }

  get #held(): Uint8Array {
    return this.#bytes?.subarray(0, this.#length) ?? new Uint8Array();
  }

  async #goOnOnDisk(): Promise<void> {
    await this.#spill();
  }

  async #writeOnDisk(bytes: Uint8Array): Promise<void> {
    await (await this.#onDisk)?.write(bytes);
  }

  async #commit(options: CommitOptions): Promise<Digest> {
    const { publish, onGone, release } = this.#parts;
    let digest: Digest;
    try {
      digest = this.#verify(options);
    } catch (error) {
      await this.#leave().catch(() => {}); // the first failure is the one to tell
      throw error;
    }
    try {
      await publish(this.#held, digest, options);
      return digest;
    } finally {
      this.#giveBack();
      onGone();
      release();
    }
  }

  /** The gate: what passes is complete and is what it claims to be. Returns the digest to publish under. */
  #verify({ size = 0, expected, labels = {} }: CommitOptions): Digest {
    validateLabels(labels);
    if (this.#isAborted) throw new ErrAborted(`ref ${this.#parts.ref} was aborted`);
    if (size !== 0 && size !== this.#length) {
      throw new ErrFailedPrecondition(`unexpected commit size ${this.#length}, expected ${size}`);
    }
    const own = this.digest();
    const isAsWanted =
      expected === undefined || (own !== undefined && algorithmOf(own) === algorithmOf(expected));
    const digest = isAsWanted && own ? own : digestOf(this.#held, expected && algorithmOf(expected));
    if (expected === undefined || digest === expected) return digest;
    throw new ErrFailedPrecondition(`unexpected commit digest ${digest}, expected ${expected}`, {
      digest: expected,
    });
  }

  /** What is there is kept for a later writer. */
  async #leave(): Promise<void> {
    if (this.#onDisk || (this.#length > 0 && !this.#isAborted)) return await (await this.#spill()).close();
    this.#parts.onGone();
    this.#parts.release();
  }

  /** Goes on in an ingest on disk. */
  #spill(): Promise<Writer> {
    this.#onDisk ??= this.#openOnDisk();
    return this.#onDisk;
  }

  async #openOnDisk(): Promise<Writer> {
    const { openOnDisk, onGone, release } = this.#parts;
    let writer: Writer | undefined;
    try {
      writer = await openOnDisk();
      await writer.write(this.#held);
      this.#inner = writer;
      this.#giveBack();
      return writer;
    } catch (error) {
      await writer?.close().catch(() => {}); // the first failure is the one to tell
      release();
      throw error;
    } finally {
      onGone();
    }
  }

  /** Its bytes are elsewhere, or nobody's any more. */
  #giveBack(): void {
    if (this.#bytes) giveBackBuffer(this.#bytes);
    this.#bytes = undefined;
  }

  #assertOpen(action: string): void {
    if (this.#ended) throw new ErrFailedPrecondition(`cannot ${action} closed writer`);
  }
}
