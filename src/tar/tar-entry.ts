import type { ByteString } from "./byte-string.ts";
import type { SparseRun } from "./sparse-map.ts";

/** What an entry stands for. `other` is what no file system has: volume labels, dumps of directories, what nobody knows. */
export type TarEntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "character device"
  | "block device"
  | "directory"
  | "fifo"
  | "other";

/** An entry of a tar archive, long names and attributes put together. As the archive has it: nothing about it can be trusted. */
export interface TarEntry {
  readonly name: ByteString;
  readonly type: TarEntryType;
  /** The type flag of the header: one character. */
  readonly flag: string;
  /** Where a link leads; empty for all others. */
  readonly linkName: ByteString;
  /** Bytes of content that the archive has for it; of a sparse file only what is not zeros. */
  readonly size: number;
  /** Bytes of the file. */
  readonly fileSize: number;
  /** Of a sparse file: where in it the content belongs, in the order of the content. */
  readonly sparse: readonly SparseRun[] | undefined;
  /** Permissions with the bits for set-user-ID, set-group-ID and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch, with a fraction, negative before it. */
  readonly mtime: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes: values by name. `undefined` when there are none. */
  readonly xattrs: ReadonlyMap<ByteString, ByteString> | undefined;
}
