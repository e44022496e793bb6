import { chmodSync, fchmodSync, ftruncateSync, futimesSync, utimesSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Release } from "../../async/keyed-lock.ts";
import { nowNs } from "../../async/wall-clock.ts";
import { type Algorithm, algorithmOf, type Digest, Digester } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { validateLabels } from "../labels/label-store.ts";
import type { CommitOptions, HandedFile, Status, Syncer, Writer } from "../store.ts";
import { stampNow } from "./blob-times.ts";
import { FileSink } from "./file-sink.ts";
import { hashFile } from "./hash-file.ts";
import { type OpenIngest, recordUpdate } from "./ingest-directory.ts";

/** Size up to which the metadata of a file is changed at once, in bytes: handing it to another thread costs more. */
const MAX_AT_ONCE_BYTES = 256 * 1024;

/** What a writer works with. */
export interface LocalWriterParts {
  readonly ingest: OpenIngest;
  /** By which content is hashed as long as nobody asks for another one. */
  readonly algorithm: Algorithm;
  /** Has been fed what the ingest holds; `undefined` where that is left unread. */
  readonly digester: Digester | undefined;
  readonly expected: Digest | undefined;
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
    this.#digester = parts.digester;
    this.#sink = this.#sinkFrom(parts.ingest.status.offset);
    this.#updatedAtNs = parts.ingest.status.updatedAtNs;
  }

  get path(): string {
    return join(this.#parts.ingest.path, "data");
  }

  write(bytes: Uint8Array): void {
    this.#assertOpen("write to");
    this.#told = undefined;
    this.#sink.write(bytes);
    this.#updatedAtNs = nowNs();
  }

  handOver(): HandedFile {
    this.#assertOpen("hand over");
    const { algorithm } = this.#parts;
    return {
      path: this.path,
      offset: this.#sink.offset,
      algorithm,
      takeBack: (written) => {
        const offset = written?.offset ?? this.#sizeOnDisk();
        if (offset === this.#sink.offset && written?.digest === undefined) return;
        this.#digester = undefined;
        this.#told = written?.digest;
        this.#sink = this.#sinkFrom(offset);
        this.#updatedAtNs = nowNs();
      },
    };
  }

  digest(): Digest | undefined {
    return this.#digester?.digest() ?? this.#told;
  }

  async status(): Promise<Status> {
    const { ingest, expected } = this.#parts;
    return {
      ...ingest.status,
      offset: this.#sink.offset,
      updatedAtNs: this.#updatedAtNs,
      ...(expected !== undefined && { expected }),
    };
  }

  async truncate(size: number): Promise<void> {
    this.#assertOpen("truncate");
    if (size !== 0) throw new ErrInvalidArgument(`cannot truncate ingest: got size ${size}, want 0`);
    try {
      ftruncateSync(this.#parts.ingest.file.fd, 0);
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
    const onDisk = this.#sizeOnDisk();
    const { offset } = this.#sink;
    if (onDisk !== offset) {
      throw new ErrDataLoss(
        `ingest "${this.#parts.ingest.path}" was changed by others: got ${onDisk} bytes, wrote ${offset}`,
      );
    }
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

  #sinkFrom(offset: number): FileSink {
    const { file, path } = this.#parts.ingest;
    return new FileSink({ fd: file.fd, path, offset, digester: this.#digester });
  }

  #sizeOnDisk(): number {
    try {
      return this.#parts.ingest.file.stat().size;
    } catch (cause) {
      throw diskError("read ingest", this.#parts.ingest.path, cause);
    }
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
      const now = stampNow();
      const mode = file.stat().mode & 0o444;
      const data = join(path, "data");
      unlessDenied(
        () => futimesSync(file.fd, now, now),
        () => utimesSync(data, now, now),
      );
      await this.#setMode(data, mode);
      await this.#syncData();
    } catch (cause) {
      throw diskError("sync ingest", path, cause);
    }
  }

  /** Of a large file in another thread: where the disk is slow, its metadata may wait for its bytes. */
  async #setMode(data: string, mode: number): Promise<void> {
    const byName = (): void => chmodSync(data, mode);
    if (this.#sink.offset <= MAX_AT_ONCE_BYTES) {
      unlessDenied(() => fchmodSync(this.#parts.ingest.file.fd, mode), byName);
      return;
    }
    try {
      await using handle = await open(data, "r");
      await handle.chmod(mode);
    } catch (cause) {
      unlessDenied(() => {
        throw cause;
      }, byName);
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
      await recordUpdate(ingest.path, this.#updatedAtNs).catch(() => {}); // the time of the data file says nearly the same
    } catch (cause) {
      throw diskError("sync ingest", ingest.path, cause);
    } finally {
      this.#letGo();
    }
  }

  #letGo(): void {
    try {
      this.#parts.ingest.file.close();
    } finally {
      this.#parts.release();
    }
  }

  #assertOpen(action: string): void {
    if (this.#ended) throw new ErrFailedPrecondition(`cannot ${action} closed writer`);
  }
}

/** Node's permission model refuses changes by descriptor, whatever is allowed; by path they are. The ref's lock is held. */
function unlessDenied(byDescriptor: () => void, byPath: () => void): void {
  try {
    byDescriptor();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_ACCESS_DENIED") throw error;
    byPath();
  }
}
