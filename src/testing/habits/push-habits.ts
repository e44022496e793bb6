import type { Refusal } from "./refusal.ts";

/** How a registry takes blobs. */
export interface UploadHabits {
  /**
   * What everybody gets who wants to write.
   * @defaultValue it takes what it is given
   * @example readOnly: { status: 405, words: { code: "UNSUPPORTED", message: "a pull-through cache" } }
   */
  readonly readOnly: Refusal | undefined;
  /**
   * Whether a push may begin a repository; if not, somebody has to make it first.
   * @defaultValue `true`
   * @example beginsRepositories: false
   */
  readonly beginsRepositories: boolean;
  /**
   * Whether the location of a session is a path, or a whole URL.
   * @defaultValue `"relative"`
   * @example location: "absolute"
   */
  readonly location: "relative" | "absolute";
  /**
   * The last but one part of that path; the paths of the API have `uploads`.
   * @defaultValue `"uploads"`
   * @example segment: "upload"
   */
  readonly segment: "uploads" | "upload";
  /**
   * What the query of a location tells. `size`: how much was taken, for clients that keep it, and nothing depends on it.
   * `offset`: the same, and a session whose bytes are others is ended by whatever comes next (distribution up to 2.8).
   * `required`: without it the session is not found (500).
   * @defaultValue `"size"`
   * @example state: "required"
   */
  readonly state: "none" | "size" | "offset" | "required";
  /**
   * `Range` of a session without bytes.
   * @defaultValue `"0-0"`
   * @example emptyRange: undefined
   */
  readonly emptyRange: string | undefined;
  /**
   * Name of the header with the id of a session.
   * @defaultValue `"docker-upload-uuid"`
   * @example idHeader: undefined
   */
  readonly idHeader: string | undefined;
  /**
   * Whether a POST with `digest` is a whole upload; if not, it opens a session and its body is not looked at.
   * @defaultValue `true`
   * @example singlePost: false
   */
  readonly singlePost: boolean;
  /**
   * What every PATCH gets.
   * @defaultValue it is taken
   * @example noPatch: { status: 405, words: { text: "PUT only" } }
   */
  readonly noPatch: Refusal | undefined;
  /**
   * Status of a PATCH that was taken: 200, 201, 202 or 204.
   * @unit HTTP status
   * @defaultValue 202
   * @example patchStatus: 204
   */
  readonly patchStatus: number;
  /**
   * `Range` of a PATCH that was taken: what the session has, what its first part had, at most 10 MiB, or none.
   * @defaultValue `"taken"`
   * @example patchRange: "none"
   */
  readonly patchRange: "taken" | "first part" | "10 MiB" | "none";
  /**
   * In front of the numbers of the `Range` that GET of a session gets.
   * @defaultValue empty
   * @example statusPrefix: "bytes="
   */
  readonly statusPrefix: "" | "bytes=";
  /**
   * What is made of `Content-Range`: it has to fit, it is not looked at, or every PATCH but the first has to have it.
   * @defaultValue `"checked"`
   * @example contentRange: "ignored"
   */
  readonly contentRange: "checked" | "ignored" | "after the first";
  /**
   * Whether a PATCH without `Content-Range` is added to what is there, or takes its place.
   * @defaultValue `"added"`
   * @example unranged: "replaces"
   */
  readonly unranged: "added" | "replaces";
  /**
   * Largest PATCH with `Content-Range`, in bytes; 416 above. 0: no limit.
   * @defaultValue 0
   * @example maxRangedBytes: 10_000_000
   */
  readonly maxRangedBytes: number;
  /**
   * Smallest part but for the last one, in bytes; 0: none.
   * @defaultValue 0
   * @example minPartBytes: 5_242_880
   */
  readonly minPartBytes: number;
  /**
   * Whether the smallest part is announced by `OCI-Chunk-Min-Length`.
   * @defaultValue `true`
   * @example announcesMinPart: false
   */
  readonly announcesMinPart: boolean;
  /**
   * Whether all parts but the last one have to be of one size.
   * @defaultValue `false`
   * @example equalParts: true
   */
  readonly equalParts: boolean;
  /**
   * Largest body of one request, in bytes; 413 above. 0: no limit.
   * @defaultValue 0
   * @example maxBodyBytes: 100_000_000
   */
  readonly maxBodyBytes: number;
  /**
   * Whether a PATCH in chunked transfer coding is refused.
   * @defaultValue `false`
   * @example needsLength: true
   */
  readonly needsLength: boolean;
  /**
   * Status of GET of a session: 204, or what refuses it.
   * @unit HTTP status
   * @defaultValue 204
   * @example statusStatus: 405
   */
  readonly statusStatus: number;
  /**
   * Whether the answer to GET of a session has a `Location`.
   * @defaultValue `true`
   * @example statusLocation: false
   */
  readonly statusLocation: boolean;
  /**
   * Whether a PUT may bring the whole blob; if not, it is 404 before the first PATCH.
   * @defaultValue `true`
   * @example putWhole: false
   */
  readonly putWhole: boolean;
  /**
   * Whether a PUT with bytes needs `Content-Type: application/octet-stream`.
   * @defaultValue `false`
   * @example putNeedsType: true
   */
  readonly putNeedsType: boolean;
  /**
   * Status of a PUT without bytes that ends a session of several parts; 201, or what refuses it.
   * @unit HTTP status
   * @defaultValue 201
   * @example emptyPutStatus: 400
   */
  readonly emptyPutStatus: number;
  /**
   * Status of DELETE of a session: 204, or what refuses it.
   * @unit HTTP status
   * @defaultValue 204
   * @example cancelStatus: 405
   */
  readonly cancelStatus: number;
}

/** How a registry takes a blob from another repository. */
export interface MountHabits {
  /**
   * Whether it does so at all; if not, a session is the answer.
   * @defaultValue `true`
   * @example mounts: false
   */
  readonly mounts: boolean;
  /**
   * Whether `from` has to be there, is looked at where it is, or never.
   * @defaultValue `"heeded"`
   * @example from: "needed"
   */
  readonly from: "needed" | "heeded" | "ignored";
  /**
   * Whether both repositories have to have the first part of their names in common.
   * @defaultValue `false`
   * @example sameOwner: true
   */
  readonly sameOwner: boolean;
  /**
   * What is said when the source is not there.
   * @defaultValue a session is opened
   * @example noSource: { status: 404, words: { code: "BLOB_UNKNOWN", message: "no such blob" } }
   */
  readonly noSource: Refusal | undefined;
  /**
   * What is said of every mount.
   * @defaultValue see the others
   * @example refusal: { status: 405, words: { text: "no mounts" } }
   */
  readonly refusal: Refusal | undefined;
  /**
   * Whether somebody who may not read the source is refused, or gets a session.
   * @defaultValue `"refused"`
   * @example deniedSource: "session"
   */
  readonly deniedSource: "refused" | "session";
  /**
   * Whether the answer names the digest.
   * @defaultValue `true`
   * @example namesDigest: false
   */
  readonly namesDigest: boolean;
}

/** Manifests of these types are refused. */
export interface RefusedType extends Refusal {
  /** Media types of the manifest, of its config or of its `artifactType`. */
  readonly types: readonly string[];
}

/** How a registry takes manifests. */
export interface ManifestHabits {
  /**
   * Largest one, in bytes.
   * @defaultValue 4,194,304
   * @example maxBytes: 100_000
   */
  readonly maxBytes: number;
  /**
   * What is refused by its type.
   * @defaultValue none
   * @example refusedTypes: []
   */
  readonly refusedTypes: readonly RefusedType[];
  /**
   * What is said when a tag is there already.
   * @defaultValue it is moved
   * @example immutableTags: { status: 400, words: { code: "TAG_INVALID", message: "the tag is immutable" } }
   */
  readonly immutableTags: Refusal | undefined;
  /**
   * What is said of a document without a `mediaType` of its own.
   * @defaultValue the header's counts
   * @example needsMediaType: { status: 400, words: { code: "MANIFEST_INVALID", message: "no mediaType" } }
   */
  readonly needsMediaType: Refusal | undefined;
}

/** An upload as the OCI distribution-spec has it. */
export const HONEST_UPLOAD: UploadHabits = {
  readOnly: undefined,
  beginsRepositories: true,
  location: "relative",
  segment: "uploads",
  state: "size",
  emptyRange: "0-0",
  idHeader: "docker-upload-uuid",
  singlePost: true,
  noPatch: undefined,
  patchStatus: 202,
  patchRange: "taken",
  statusPrefix: "",
  contentRange: "checked",
  unranged: "added",
  maxRangedBytes: 0,
  minPartBytes: 0,
  announcesMinPart: true,
  equalParts: false,
  maxBodyBytes: 0,
  needsLength: false,
  statusStatus: 204,
  statusLocation: true,
  putWhole: true,
  putNeedsType: false,
  emptyPutStatus: 201,
  cancelStatus: 204,
};

/** A mount as the OCI distribution-spec has it. */
export const HONEST_MOUNT: MountHabits = {
  mounts: true,
  from: "heeded",
  sameOwner: false,
  noSource: undefined,
  refusal: undefined,
  deniedSource: "refused",
  namesDigest: true,
};

/** Largest manifest when no limit is set, in bytes: what registries should take (OCI distribution-spec). */
const DEFAULT_MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Every kind of manifest is taken. */
export const HONEST_MANIFESTS: ManifestHabits = {
  maxBytes: DEFAULT_MAX_MANIFEST_BYTES,
  refusedTypes: [],
  immutableTags: undefined,
  needsMediaType: undefined,
};
