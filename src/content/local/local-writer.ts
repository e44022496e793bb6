import { ftruncateSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Release } from "../../async/keyed-lock.ts";
import { nowNs } from "../../async/wall-clock.ts";
import { type Algorithm, algorithmOf, type Digest, Digester } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { validateLabels } from "../labels/label-store.ts";
import type { CommitOptions, HandedFile, Status, Syncer, Writer, WriteTimes } from "../store.ts";
import { addTimes } from "../write-clock.ts";
import { FileSink } from "./file-sink.ts";
import { hashFile } from "./hash-file.ts";
import { type OpenIngest, recordUpdate, toStatus } from "./ingest-directory.ts";
import { IngestParts } from "./ingest-parts.ts";
import { sealData } from "./seal-data.ts";

/** What a writer works with. */
export interface LocalWriterParts {
  readonly ingest: OpenIngest;
  /** By which content is hashed as long as nobody asks for another one. */
  readonly algorithm: Algorithm;
  /** Has been fed what the ingest holds; `undefined` where that is left unread. */
  readonly digester: Digester | undefined;
  readonly expected: Digest | undefined;
  /** See `WriterOptions.times`. */
  readonly times?: WriteTimes | undefined;
  /** Makes verified content of the ingest: moves the data, removes the ingest, sets the labels. */
  readonly publish: (digest: Digest, options: CommitOptions) => Promise<void>;
  /** Called when the disk did not take the data: nothing that the next sync says of this file is to be believed. */
  readonly onSyncFailure: () => void;
  /** Gives the ref free. */
  readonly release: Release;
}

/**
 * The writer of the local store. `write` is synchronous and throws the classes of `diskError` (`ErrResourceExhausted` on a full
 * disk); what was written before stays counted, hashed and resumable.
 */
export class LocalWriter implements Writer, Syncer {
  readonly #parts: LocalWriterParts;
  readonly #behind: IngestParts;
  #sink: FileSink;
  /** Knows all that the file holds; `undefined` when some of it was left unread, or was written by others. */
  #digester: Digester | undefined;
  /** What others said of all that the file holds. */
  #told: Digest | undefined;
  #updatedAtNs: bigint;
  /** Settles when the writer has let go of everything; set as soon as it takes no more calls. */
  #ended: Promise<unknown> | undefined;

  constructor(parts: LocalWriterParts) {
    this.#parts = parts;
    this.#behind = new IngestParts(parts.ingest);
    this.#digester = parts.digester;
    this.#sink = this.#sinkFrom(parts.ingest.held.held.offset);
    this.#updatedAtNs = parts.ingest.status.updatedAtNs;
  }

  get path(): string {
    return join(this.#parts.ingest.path, "data");
  }

  write(bytes: Uint8Array): void {
    this.#assertOpen("write to");
    this.#told = undefined;
    this.#behind.drop(this.#sink.offset);
    this.#sink.write(bytes);
    this.#updatedAtNs = nowNs();
  }

  handOver(): HandedFile {
    this.#assertOpen("hand over");
    const { algorithm, times } = this.#parts;
    return {
      path: this.path,
      isTimed: times !== undefined,
      offset: this.#sink.offset,
      parts: this.#behind.list,
      algorithm,
      takeBack: (written) => this.#takeBack(written),
    };
  }

  digest(): Digest | undefined {
    return this.#digester?.digest() ?? this.#told;
  }

  async status(): Promise<Status> {
    const { ingest, expected } = this.#parts;
    return {
      ...ingest.status,
      ...toStatus({ offset: this.#sink.offset, parts: this.#behind.list }),
      updatedAtNs: this.#updatedAtNs,
      ...(expected !== undefined && { expected }),
    };
  }

  async truncate(size: number): Promise<void> {
    this.#assertOpen("truncate");
    if (size !== 0) throw new ErrInvalidArgument(`cannot truncate ingest: got size ${size}, want 0`);
    try {
      ftruncateSync(this.#parts.ingest.file.fd, 0);
      this.#behind.drop(0);
    } catch (cause) {
      throw diskError("truncate ingest", this.#parts.ingest.path, cause);
    }
    this.#digester = new Digester(this.#parts.algorithm);
    this.#told = undefined;
    this.#sink = this.#sinkFrom(0);
    this.#updatedAtNs = nowNs();
  }

  async sync(): Promise<void> {
    this.#assertOpen("sync");
    const { ingest } = this.#parts;
    try {
      await this.#syncData();
      await recordUpdate(ingest.path, this.#updatedAtNs);
      await syncDirectory(dirname(ingest.path));
    } catch (cause) {
      throw diskError("sync ingest", ingest.path, cause);
    }
  }

  async commit(options: CommitOptions = {}): Promise<Digest> {
    this.#assertOpen("commit on");
    const committed = this.#commit(options);
    this.#ended = Promise.allSettled([committed]); // its failure is told to the caller of commit
    return committed;
  }

  async close(): Promise<void> {
    this.#ended ??= this.#leave();
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {}); // it would hide what failed before
  }

  async #commit(options: CommitOptions): Promise<Digest> {
    const { publish } = this.#parts;
    let digest: Digest;
    try {
      digest = await this.#verify(options);
    } catch (error) {
      await this.#leave().catch(() => {}); // the first failure is the one to tell
      throw error;
    }
    try {
      await this.#seal();
      await publish(digest, options);
      return digest;
    } finally {
      this.#letGo();
    }
  }

  /** The gate: what passes is complete and is what it claims to be. Returns the digest to publish under. */
  async #verify({ size = 0, expected, labels = {} }: CommitOptions): Promise<Digest> {
    validateLabels(labels);
    const [part] = this.#behind.list;
    if (part) {
      const missing = `bytes ${this.#sink.offset} to ${part.from - 1} are missing`;
      throw new ErrFailedPrecondition(`cannot commit ingest "${this.#parts.ingest.path}": ${missing}`);
    }
    const { offset } = this.#sink;
    this.#assertUnchanged(offset);
    if (size !== 0 && size !== offset) {
      throw new ErrFailedPrecondition(`unexpected commit size ${offset}, expected ${size}`);
    }
    const digest = await this.#digestAs(expected);
    if (expected !== undefined && digest !== expected) {
      throw new ErrFailedPrecondition(`unexpected commit digest ${digest}, expected ${expected}`, {
        digest: expected,
      });
    }
    return digest;
  }

  #takeBack(written: Parameters<HandedFile["takeBack"]>[0]): void {
    const { times } = this.#parts;
    if (times && written?.times) addTimes(times, written.times);
    const offset = this.#behind.reread();
    const told = written?.offset === offset ? written.digest : undefined;
    if (offset === this.#sink.offset && told === undefined) return;
    this.#digester = undefined;
    this.#told = told;
    this.#sink = this.#sinkFrom(offset);
    this.#updatedAtNs = nowNs();
  }

  #sinkFrom(offset: number): FileSink {
    const { ingest, times } = this.#parts;
    return new FileSink({ fd: ingest.file.fd, path: ingest.path, offset, digester: this.#digester, times });
  }

  /** What has the file's name is what becomes the blob. One that is gone is told of then. */
  #assertUnchanged(wrote: number): void {
    const { file, path } = this.#parts.ingest;
    let got: string | undefined;
    try {
      const { ino, size } = file.stat();
      const named = statSync(this.path, { throwIfNoEntry: false });
      if (named && named.ino !== ino) got = "another file";
      else if (size !== wrote) got = `${size} bytes`;
    } catch (cause) {
      throw diskError("read ingest", path, cause);
    }
    if (got === undefined) return;
    throw new ErrDataLoss(`ingest "${path}" was changed by others: got ${got}, wrote ${wrote} bytes`);
  }

  /** The digest by the algorithm that is asked for; what was left unread, or is asked for by another one, is read now. */
  async #digestAs(expected: Digest | undefined): Promise<Digest> {
    const { algorithm: usual, ingest } = this.#parts;
    const algorithm = expected === undefined ? usual : algorithmOf(expected);
    const known = this.digest();
    if (known !== undefined && algorithmOf(known) === algorithm) return known;
    const other = new Digester(algorithm);
    try {
      await hashFile(ingest.file, other);
    } catch (cause) {
      throw diskError("read ingest", ingest.path, cause);
    }
    return other.digest();
  }

  /** Read-only, stamped and durable before the bytes get their final name. */
  async #seal(): Promise<void> {
    const { file, path } = this.#parts.ingest;
    try {
      await sealData(file, this.path);
      await this.#syncData();
    } catch (cause) {
      throw diskError("sync ingest", path, cause);
    }
  }

  async #syncData(): Promise<void> {
    try {
      await this.#parts.ingest.file.sync();
    } catch (error) {
      this.#parts.onSyncFailure();
      throw error;
    }
  }

  async #leave(): Promise<void> {
    const { ingest } = this.#parts;
    try {
      await this.#syncData();
      await this.#behind.keep().catch(() => {}); // what was written down before is still there
      await recordUpdate(ingest.path, this.#updatedAtNs).catch(() => {}); // the time of the data file says nearly the same
    } catch (cause) {
      throw diskError("sync ingest", ingest.path, cause);
    } finally {
      this.#letGo();
    }
  }

  #letGo(): void {
    this.#parts.ingest.file.close();
    this.#parts.release();
  }

  #assertOpen(action: string): void {
    if (this.#ended) throw new ErrFailedPrecondition(`cannot ${action} closed writer`);
  }
}
