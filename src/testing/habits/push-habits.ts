import type { Refusal } from "./refusal.ts";

/** How a registry takes blobs. */
export interface UploadHabits {
  /** What everybody gets who wants to write; absent: it takes what it is given. */
  readonly readOnly: Refusal | undefined;
  /** Whether a push may begin a repository; if not, somebody has to make it first. */
  readonly beginsRepositories: boolean;
  /** Whether the location of a session is a path, or a whole URL. */
  readonly location: "relative" | "absolute";
  /** The last but one part of that path; the paths of the API have `uploads`. */
  readonly segment: "uploads" | "upload";
  /**
   * What the query of a location tells. `size`: how much was taken, for clients that keep it, and nothing depends on
   * it. `offset`: the same, and a session whose bytes are others is ended by whatever comes next (distribution up to
   * 2.8). `required`: without it the session is not found (500).
   */
  readonly state: "none" | "size" | "offset" | "required";
  /** `Range` of a session without bytes; absent: none. */
  readonly emptyRange: string | undefined;
  /** Name of the header with the id of a session; absent: none. */
  readonly idHeader: string | undefined;
  /** Whether a POST with `digest` is a whole upload; if not, it opens a session and its body is not looked at. */
  readonly singlePost: boolean;
  /** What every PATCH gets; absent: it is taken. */
  readonly noPatch: Refusal | undefined;
  /** Status of a PATCH that was taken: 200, 201, 202 or 204. */
  readonly patchStatus: number;
  /** `Range` of a PATCH that was taken: what the session has, what its first part had, at most 10 MiB, or none. */
  readonly patchRange: "taken" | "first part" | "10 MiB" | "none";
  /** In front of the numbers of the `Range` that GET of a session gets. */
  readonly statusPrefix: "" | "bytes=";
  /** What is made of `Content-Range`: it has to fit, it is not looked at, or every PATCH but the first has to have it. */
  readonly contentRange: "checked" | "ignored" | "after the first";
  /** Whether a PATCH without `Content-Range` is added to what is there, or takes its place. */
  readonly unranged: "added" | "replaces";
  /** Largest PATCH with `Content-Range`, in bytes; 416 above. 0: no limit. */
  readonly maxRangedBytes: number;
  /** Smallest part but for the last one, in bytes; 0: none. */
  readonly minPartBytes: number;
  /** Whether the smallest part is announced by `OCI-Chunk-Min-Length`. */
  readonly announcesMinPart: boolean;
  /** Whether all parts but the last one have to be of one size. */
  readonly equalParts: boolean;
  /** Largest body of one request, in bytes; 413 above. 0: no limit. */
  readonly maxBodyBytes: number;
  /** Whether a PATCH in chunked transfer coding is refused. */
  readonly needsLength: boolean;
  /** Status of GET of a session: 204, or what refuses it. */
  readonly statusStatus: number;
  /** Whether the answer to GET of a session has a `Location`. */
  readonly statusLocation: boolean;
  /** Whether a PUT may bring the whole blob; if not, it is 404 before the first PATCH. */
  readonly putWhole: boolean;
  /** Whether a PUT with bytes needs `Content-Type: application/octet-stream`. */
  readonly putNeedsType: boolean;
  /** Status of a PUT without bytes that ends a session of several parts; 201, or what refuses it. */
  readonly emptyPutStatus: number;
  /** Status of DELETE of a session: 204, or what refuses it. */
  readonly cancelStatus: number;
}

/** How a registry takes a blob from another repository. */
export interface MountHabits {
  /** Whether it does so at all; if not, a session is the answer. */
  readonly mounts: boolean;
  /** Whether `from` has to be there, is looked at where it is, or never. */
  readonly from: "needed" | "heeded" | "ignored";
  /** Whether both repositories have to have the first part of their names in common. */
  readonly sameOwner: boolean;
  /** What is said when the source is not there; absent: a session is opened. */
  readonly noSource: Refusal | undefined;
  /** What is said of every mount; absent: see the others. */
  readonly refusal: Refusal | undefined;
  /** Whether somebody who may not read the source is refused, or gets a session. */
  readonly deniedSource: "refused" | "session";
  /** Whether the answer names the digest. */
  readonly namesDigest: boolean;
}

/** Manifests of these types are refused. */
export interface RefusedType extends Refusal {
  /** Media types of the manifest, of its config or of its `artifactType`. */
  readonly types: readonly string[];
}

/** How a registry takes manifests. */
export interface ManifestHabits {
  /** Largest one, in bytes. */
  readonly maxBytes: number;
  /** What is refused by its type. */
  readonly refusedTypes: readonly RefusedType[];
  /** What is said when a tag is there already; absent: it is moved. */
  readonly immutableTags: Refusal | undefined;
  /** What is said of a document without a `mediaType` of its own; absent: the header's counts. */
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
