/**
 * The content store: blobs by digest, verified before they become visible, and the ingests that become blobs. The
 * interfaces are containerd's; `openLocalStore` is the one on the local disk, `namespacedStore` shows part of another one,
 * the functions work on any of them.
 * @module
 */
export type { AbortOptions } from "./async/abort.ts";
export type { ByteRange } from "./content/byte-ranges.ts";
export { type CopyOptions, copy } from "./content/copy.ts";
export type { CopySource, SeekableSource } from "./content/copy-source.ts";
export { ErrReset } from "./content/err-reset.ts";
export { exists } from "./content/exists.ts";
export { ingestedBytes } from "./content/ingested-bytes.ts";
export { isLabelEditor, type LabelEditor } from "./content/labels/label-editor.ts";
export type { LabelStore, Labels } from "./content/labels/label-store.ts";
export type { LocalStore } from "./content/local/local-content-store.ts";
export { type LocalStoreOptions, openLocalStore } from "./content/local/local-store.ts";
export {
  type NamespaceEntry,
  type NamespaceMetadata,
  type NewEntry,
  SHAREABLE_LABEL,
} from "./content/namespaces/namespace-metadata.ts";
export {
  type NamespacedStoreOptions,
  namespacedStore,
  type SharingPolicy,
} from "./content/namespaces/namespaced-store.ts";
export {
  type NamespaceMetadataOptions,
  openNamespaceMetadata,
  type SqliteNamespaceMetadata,
} from "./content/namespaces/sqlite-namespace-metadata.ts";
export { type OpenWriterOptions, openWriter } from "./content/open-writer.ts";
export { ContentOwner, type DeleteOptions } from "./content/ownership/content-owner.ts";
export {
  type AbandonedIngest,
  type AbandonedOptions,
  type CollectedStore,
  isCollected,
  isOwned,
  type OwnedStore,
} from "./content/ownership/owned-store.ts";
export { type ReadBlobOptions, readBlob } from "./content/read-blob.ts";
export { readVerified } from "./content/read-verified.ts";
export {
  type BlobReference,
  type CommitOptions,
  type Info,
  type InfoProvider,
  type Ingester,
  type IngestManager,
  isSyncer,
  type ListOptions,
  type Manager,
  type Provider,
  type ReaderAt,
  type Status,
  type Store,
  type Syncer,
  type Writer,
  type WriterOptions,
  type WriteTimes,
} from "./content/store.ts";
export { type WriteBlobOptions, writeBlob } from "./content/write-blob.ts";
export { type Algorithm, type Digest, digestOf, parseDigest } from "./digest/digest.ts";
