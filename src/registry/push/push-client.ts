import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Asker } from "../http/send.ts";
import type { ReferrersOptions } from "../pull/referrers.ts";
import type { HasBlobOptions } from "../repository/has-blob.ts";

/** A blob's bytes, readable from any offset, as often as an upload needs to. */
export interface BlobSource {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** The bytes from `offset` to the end (or `endOffset`). Each chunk may be overwritten once the next one is asked for. */
  read(offset: number, endOffset?: number): AsyncIterable<Uint8Array>;
  /**
   * Called with what reading fails with, which the upload rejects with.
   * @defaultValue nobody is told
   * @example onFailure: (error) => console.log(error)
   */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** How a blob is uploaded. */
export interface UploadBlobOptions extends Asker {
  /**
   * Called with the bytes that the registry has taken, of the whole blob; goes back when the registry lost some.
   * @defaultValue nobody is told
   * @example onBytes: (bytes) => console.log(bytes)
   */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /**
   * A session to go on with, from an earlier attempt or a declined mount.
   * @defaultValue a new one
   * @example session: undefined
   */
  readonly session?: UploadSession | undefined;
  /**
   * Called with the session as it is from now on, whenever it changes: what another attempt needs.
   * @defaultValue nobody is told
   * @example onSession: (session) => console.log(session)
   */
  readonly onSession?: ((session: UploadSession) => void) | undefined;
  /**
   * Called with the reason when a session that was replaced could not be given up; the upload goes on.
   * @defaultValue nobody is told
   * @example onLeftover: (error) => console.log(error)
   */
  readonly onLeftover?: ((error: unknown) => void) | undefined;
}

/** An upload under way at the registry. */
export interface UploadSession {
  /** Where the next request goes; changes with every answer. May be signed: never in a message. */
  readonly location: string;
  /** Smallest chunk that the registry takes, but for the last one, in bytes; 0 when it does not say. */
  readonly minChunkBytes: number;
  /** Nothing was sent yet, so there is no need to ask how much the registry has. */
  readonly isNew?: boolean | undefined;
  /** Length of its first body, in bytes: some registries want all of an upload to be equal, but for the last one. */
  readonly bodyBytes?: number | undefined;
  /** Another origin than the endpoint's has a say in the location: no credentials go there, wherever it leads. */
  readonly stranger?: boolean | undefined;
}

/** What became of a try to mount. */
export type MountResult =
  | { readonly kind: "mounted" }
  /** The registry wants the bytes, in this session. */
  | { readonly kind: "upload"; readonly session: UploadSession };

/**
 * The writing half of one repository at one endpoint (OCI distribution-spec, "Push"). Every call is one attempt, except that
 * an expired token is renewed. Failed answers are thrown as `errorFromResponse` makes them.
 */
export interface PushClient {
  /** See `RegistryClient.ping`. */
  ping(options?: Asker): Promise<void>;
  /** Whether the repository has the blob (end-2, HEAD). */
  hasBlob(digest: Digest, options?: HasBlobOptions): Promise<boolean>;
  /** Asks for a blob of another repository of the same registry (end-11). Throws when the registry refuses outright. */
  mountBlob(digest: Digest, from: string, options?: Asker): Promise<MountResult>;
  /** Opens an upload session (end-4a). */
  startUpload(options?: Asker): Promise<UploadSession>;
  /** How many bytes the registry holds of a session (end-13), and its newest location; `undefined` when it forgot the session. */
  uploadOffset(
    session: UploadSession,
    options?: Asker,
  ): Promise<{ session: UploadSession; offset: number } | undefined>;
  /**
   * Sends what is missing of a blob and finishes the session (end-5, end-6): in one body up to `CHUNK_BYTES`, otherwise in
   * chunks of that size or of the registry's minimum; in smaller ones where those are too large, and as a whole where the
   * registry has no chunks. On failure the error is thrown, and the last session that `onSession` got is good for another
   * attempt, which sends no byte again that the registry has kept.
   */
  uploadBlob(source: BlobSource, options?: UploadBlobOptions): Promise<void>;
  /** Gives a session up (end-14). Throws what the registry has against it; one that it does not know any more is given up. */
  cancelUpload(session: UploadSession, options?: Asker): Promise<void>;
  /** Whether `reference` is there with this digest (end-3, HEAD). */
  hasManifest(reference: string, digest: Digest, options?: Asker): Promise<boolean>;
  /**
   * Puts a manifest by tag or digest, byte for byte (end-7). Returns whether the registry keeps referrers of
   * `subject` (OCI-Subject).
   */
  putManifest(
    reference: string,
    manifest: { readonly mediaType: string; readonly bytes: Uint8Array; readonly digest: Digest },
    options?: Asker,
  ): Promise<{ readonly keepsReferrers: boolean }>;
  /** See `deleteManifest`. */
  deleteManifest(reference: string, options?: Asker): Promise<void>;
  /** The manifests whose `subject` is `digest` (end-12, with the tag fallback for registries without the API). */
  referrers(digest: Digest, options?: ReferrersOptions): Promise<readonly Descriptor[]>;
}
