/**
 * The content store: blobs by digest, verified before they become visible, and the ingests that become blobs. The
 * interfaces are containerd's; `openLocalStore` is the one on the local disk, the functions work on any of them.
 * @module
 */
export { exists } from "./content/exists.ts";
export type { LabelStore, Labels } from "./content/label-store.ts";
export { type LocalStore, type LocalStoreOptions, openLocalStore } from "./content/local-store.ts";
export { type OpenWriterOptions, openWriter } from "./content/open-writer.ts";
export { type ReadBlobOptions, readBlob } from "./content/read-blob.ts";
export type {
  CommitOptions,
  Info,
  InfoProvider,
  Ingester,
  IngestManager,
  Manager,
  Provider,
  ReaderAt,
  Status,
  Store,
  Writer,
  WriterOptions,
} from "./content/store.ts";
export { type WriteBlobOptions, writeBlob } from "./content/write-blob.ts";
export { type Digest, parseDigest } from "./digest/digest.ts";
