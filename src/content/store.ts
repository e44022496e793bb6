import type { AbortOptions } from "../async/abort.ts";
import type { Algorithm, Digest } from "../digest/digest.ts";
import type { ByteRange } from "./byte-ranges.ts";

/** What the store knows of committed content. */
export interface Info {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** When it was committed, in nanoseconds since the epoch. */
  readonly createdAtNs: bigint;
  /** When its labels last changed, in nanoseconds since the epoch. */
  readonly updatedAtNs: bigint;
  readonly labels: Readonly<Record<string, string>>;
}

/** How far an ingest has come. */
export interface Status {
  readonly ref: string;
  /** Bytes on disk, from the first one on. */
  readonly offset: number;
  /** What is on disk behind them, in order, with a hole before each; absent when nothing is. */
  readonly parts?: readonly ByteRange[] | undefined;
  /** Announced size in bytes; 0 when none was. */
  readonly total: number;
  /** Announced digest; absent when none was, and in listings of the local store, which does not keep it. */
  readonly expected?: Digest;
  /** When it was opened first, in nanoseconds since the epoch. */
  readonly startedAtNs: bigint;
  /** When it was last written to, in nanoseconds since the epoch. */
  readonly updatedAtNs: bigint;
}

/** Which entries a listing gives. */
export interface ListOptions extends AbortOptions {
  /**
   * Filters in containerd's language: any of them must hold. Fields of content are `digest` and `labels.<key>`, of ingests `ref`.
   * A malformed one throws `ErrInvalidArgument` (`filters: parse error: ...`).
   * @defaultValue none: everything
   * @example filters: ["digest~=^sha256:00", "labels.team==web"]
   */
  readonly filters?: readonly string[] | undefined;
}

/** Tells about committed content. */
export interface InfoProvider {
  /** Throws `ErrNotFound` (`content <digest>: not found`) for content that is not committed. */
  info(digest: Digest, options?: AbortOptions): Promise<Info>;
}

/** Tells how long committed content is without all that `info` tells; found by `isSizeProvider`. */
export interface SizeProvider {
  /** Size in bytes; `undefined` for content that is not committed. */
  sizeOf(digest: Digest, options?: AbortOptions): Promise<number | undefined>;
}

/** Whether somebody is a `SizeProvider`. */
export function isSizeProvider<T extends object>(provider: T): provider is T & SizeProvider {
  return "sizeOf" in provider && typeof provider.sizeOf === "function";
}

/** Tells how far an ingest has come without all that `status` tells; found by `isOffsetProvider`. */
export interface OffsetProvider {
  /** Its bytes on disk, from the first one on; `undefined` for one that is not there. */
  offsetOf(ref: string, options?: AbortOptions): Promise<number | undefined>;
}

/** Whether somebody is an `OffsetProvider`. */
export function isOffsetProvider<T extends object>(provider: T): provider is T & OffsetProvider {
  return "offsetOf" in provider && typeof provider.offsetOf === "function";
}

/** Looks after committed content (containerd's `content.Manager`). */
export interface Manager extends InfoProvider {
  /**
   * Changes labels: all of them without `fieldpaths`, otherwise the paths named (`labels` or `labels.<key>`). An absent or
   * empty value removes the key. Throws `ErrNotFound`, or `ErrInvalidArgument` for any other path.
   */
  update(
    info: { digest: Digest; labels: Readonly<Record<string, string>> },
    fieldpaths?: readonly string[],
  ): Promise<Info>;
  /** Every committed blob that the filters let through, in no particular order; files that are not blobs are passed over. */
  walk(options?: ListOptions): AsyncIterable<Info>;
  /** Removes a blob. Throws `ErrNotFound`. */
  delete(digest: Digest, options?: AbortOptions): Promise<void>;
}

/** Random access to one blob. The caller closes it. */
export interface ReaderAt extends AsyncDisposable {
  /** Size of the blob in bytes. */
  readonly size: number;
  /** The file that holds the blob, where one does. */
  readonly path?: string | undefined;
  /** Fills `buffer` from `offset` on; fewer bytes than asked for only at the end of the blob. Returns the count. */
  readAt(buffer: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** A reader of bytes that come from elsewhere, which it gives as they come; found by `isStreaming`. */
export interface StreamingReader extends ReaderAt {
  /** The bytes from `offset` up to `end`. Each chunk may be overwritten once the next one is asked for. */
  chunks(offset: number, end: number): AsyncIterable<Uint8Array>;
}

/** Whether a reader is a `StreamingReader`. */
export function isStreaming(reader: ReaderAt): reader is StreamingReader {
  return "chunks" in reader && typeof reader.chunks === "function";
}

/** Names a blob, and says what it should be if the caller knows; a descriptor will do. */
export interface BlobReference {
  readonly digest: Digest;
  /** Size that the blob must have, in bytes; absent: not compared. */
  readonly size?: number | undefined;
}

/** Opens committed content. */
export interface Provider {
  /** Throws `ErrNotFound`, and `ErrDataLoss` when the blob has another size than the reference says. */
  readerAt(reference: BlobReference, options?: AbortOptions): Promise<ReaderAt>;
}

/** How a writer is opened. */
export interface WriterOptions extends AbortOptions {
  /**
   * Name of the ingest: one writer at a time; the same ref continues where an earlier writer stopped.
   * @example ref: "upload-7"
   */
  readonly ref: string;
  /**
   * Announced size in bytes; 0: not known.
   * @unit bytes
   * @defaultValue not known
   * @example size: 1_024
   */
  readonly size?: number | undefined;
  /**
   * Announced digest: content that is there already makes `writer` throw `ErrAlreadyExists`.
   * @defaultValue not known
   * @example expected: digestOf("something that is not here")
   */
  readonly expected?: Digest | undefined;
  /**
   * Leaves what the ingest holds unread, for whoever hands the file over to somebody who reads it: `digest` tells nothing of it,
   * and `commit` reads it if nobody else has.
   * @defaultValue `false`
   * @example unread: true
   */
  readonly unread?: boolean | undefined;
  /**
   * Whether all bytes come in moments: of content whose small size is announced they may stay in memory until then, so that a
   * process that is killed loses them, others do not see them, and more than the size cannot be written (`ErrOutOfRange`).
   * @defaultValue `false`
   * @avoid for what may take long: who else wants it cannot go on with bytes that are in memory
   * @example brief: true
   */
  readonly brief?: boolean | undefined;
  /**
   * Where it is added up for how long bytes are hashed and written as they come. Of bytes that are held in memory nothing is.
   * @defaultValue nobody measures
   * @avoid where nobody looks at it: the clock is read three times for each chunk
   * @example times: { hashMs: 0, writeMs: 0 }
   */
  readonly times?: WriteTimes | undefined;
}

/** What was spent on bytes as they came. */
export interface WriteTimes {
  /**
   * For how long they were hashed.
   * @defaultValue nothing so far
   * @example hashMs: 0
   */
  hashMs?: number | undefined;
  /**
   * For how long they were written to the file.
   * @defaultValue nothing so far
   * @example writeMs: 0
   */
  writeMs?: number | undefined;
}

/** The file of an ingest that somebody else fills, by a `PartedSink`. */
export interface HandedFile {
  readonly path: string;
  /** Bytes that it holds, from the first one on. */
  readonly offset: number;
  /** What it holds behind them, in order, with a hole before each. */
  readonly parts: readonly ByteRange[];
  /** How its content is to be hashed. */
  readonly algorithm: Algorithm;
  /** Whether it is measured for how long its content is hashed and written. */
  readonly isTimed: boolean;
  /**
   * Nobody else has it any more: the writer goes on behind whatever is there. What the others know of its digest saves it from reading
   * that. Throws the classes of `diskError`.
   */
  takeBack(
    written:
      | {
          readonly offset: number;
          readonly digest: Digest | undefined;
          readonly times?: WriteTimes | undefined;
        }
      | undefined,
  ): void;
}

/** How a writer is committed. */
export interface CommitOptions {
  /**
   * Size to insist on, in bytes; 0: not checked.
   * @unit bytes
   * @defaultValue not checked
   * @example size: 5
   */
  readonly size?: number | undefined;
  /**
   * Digest to insist on.
   * @defaultValue not checked
   * @example expected: digestOf("hello")
   */
  readonly expected?: Digest | undefined;
  /**
   * Labels of the new blob; one with an empty value is none.
   * @defaultValue none
   * @example labels: { "containerd.io/gc.root": "2026-01-01T00:00:00Z" }
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * Takes the bytes of one ingest, in order. Bytes become visible as content only by a successful `commit`. Disposing
 * of it closes it; what fails then is told to nobody, because it would hide what failed before.
 *
 * An ingest that was filled by ranges may have holes (`Status.parts`). It goes on to be filled by whoever has its file handed over; whoever
 * appends by `write` goes on behind the bytes at its start, and drops the others.
 */
export interface Writer extends AsyncDisposable {
  /**
   * File that begins with what was written, as soon as `write` returns, where there is one. It is the ingest's until commit, which
   * gives the same file another name.
   */
  readonly path?: string | undefined;
  /**
   * Lets somebody else fill the file, in any order, in another thread for instance. Until it is taken back no other method may be called but
   * `status`. Absent where there is no file of this process's own.
   */
  handOver?(): HandedFile;
  /**
   * Appends. The bytes may be reused by the caller once the call returns, or once the promise it returns settles: a
   * writer that takes them at once returns nothing.
   */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Digest of the bytes so far; `undefined` when the writer cannot tell before commit. */
  digest(): Digest | undefined;
  status(): Promise<Status>;
  /** Drops what was written; only `size` 0 is possible (`ErrInvalidArgument` otherwise). */
  truncate(size: number): Promise<void>;
  /**
   * Verifies and publishes, and closes the writer in any case. Throws `ErrFailedPrecondition` for a wrong size or digest, or a hole
   * (the ingest stays and can be opened again), `ErrAlreadyExists` when the content is there (the ingest is gone).
   */
  commit(options?: CommitOptions): Promise<Digest>;
  /** Gives the ref free and keeps the bytes for a later writer. Closing twice is fine. */
  close(): Promise<void>;
}

/** Opens writers. */
export interface Ingester {
  /**
   * Opens the ingest `ref`, new or where it stands. Throws `ErrUnavailable` while another writer, of this process or
   * another, has it; `ErrAlreadyExists` when `expected` is committed; `ErrInvalidArgument` for an empty ref.
   */
  writer(options: WriterOptions): Promise<Writer>;
}

/** Looks after ingests. */
export interface IngestManager {
  /** Throws `ErrNotFound`. */
  status(ref: string, options?: AbortOptions): Promise<Status>;
  /** Every ingest that the filters let through, open or not. */
  listStatuses(options?: ListOptions): Promise<readonly Status[]>;
  /** Removes an ingest and its bytes. Throws `ErrNotFound`. */
  abort(ref: string, options?: AbortOptions): Promise<void>;
}

/** A writer that can make its bytes durable before commit (containerd `content.Syncer`); found by `isSyncer`. */
export interface Syncer {
  /** Resolves when everything written so far would survive a power cut. */
  sync(): Promise<void>;
}

/** Whether a writer is a `Syncer`. */
export function isSyncer(writer: Writer): writer is Writer & Syncer {
  return "sync" in writer && typeof writer.sync === "function";
}

/** Content by digest and the ingests that become content: containerd's `content.Store`. */
export interface Store extends Manager, Provider, Ingester, IngestManager {}
