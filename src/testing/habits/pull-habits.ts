import type { ReplyHeaders } from "../http/reply.ts";
import type { Refusal } from "./refusal.ts";

/** Where blobs come from when the registry only says where they are. */
export interface LinkHabits {
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** A storage of its own with signed URLs, or a path of the registry itself, told without its host. */
  readonly host: "own" | "other";
  /** Whether a request with an `Authorization` is refused with 400, as object stores do. */
  readonly refusesAuthorization: boolean;
  /** Whether a URL is signed for the method that it was asked with, so that the other one gets 403. */
  readonly perMethod: boolean;
  /** Whether only requests without a range are sent away. */
  readonly onlyWhole: boolean;
  /** What the redirect itself has in its body. */
  readonly body: string | undefined;
}

/** How a registry answers those who read. */
export interface PullHabits {
  /**
   * Status of every HEAD of a blob, whatever GET says.
   * @unit HTTP status
   * @defaultValue it is answered
   * @example headBlobStatus: 405
   */
  readonly headBlobStatus: number | undefined;
  /**
   * The same for manifests.
   * @unit HTTP status
   * @defaultValue it is answered
   * @example headManifestStatus: 405
   */
  readonly headManifestStatus: number | undefined;
  /**
   * Whether parts of a blob can be had; if not, the whole is sent.
   * @defaultValue `true`
   * @example ranges: false
   */
  readonly ranges: boolean;
  /**
   * Headers that are left out of answers to HEAD and GET of blobs.
   * @defaultValue none
   * @example blobWithout: ["docker-content-digest"]
   */
  readonly blobWithout: readonly string[];
  /**
   * Headers that are left out of answers to HEAD and GET of manifests. Without `content-length` a body comes in chunks.
   * @defaultValue none
   * @example manifestWithout: ["content-length"]
   */
  readonly manifestWithout: readonly string[];
  /**
   * What stands behind the media type of manifests and lists.
   * @defaultValue nothing
   * @example charset: ";charset=ISO-8859-1"
   */
  readonly charset: string;
  /**
   * Whether a manifest is only given to who accepts its type by name.
   * @defaultValue `false`
   * @example needsAccept: true
   */
  readonly needsAccept: boolean;
  /**
   * What is said of a manifest that is not there, in a repository that is.
   * @defaultValue 404 with `MANIFEST_UNKNOWN`
   * @example noManifest: { status: 404, words: { text: "not found" } }
   */
  readonly noManifest: Refusal;
  /**
   * What is said of manifests and tags of a repository that is not there; `forbidden`: what is said of one that is not for all.
   * @defaultValue 404 with `NAME_UNKNOWN`
   * @example noRepository: "forbidden"
   */
  readonly noRepository: Refusal | "forbidden";
  /**
   * Where blobs come from.
   * @defaultValue from the registry itself
   * @example links: { status: 307, host: "other", refusesAuthorization: true, perMethod: false, onlyWhole: false, body: undefined }
   */
  readonly links: LinkHabits | undefined;
  /**
   * Headers of every answer of the API.
   * @defaultValue none
   * @example headers: { "x-served-by": "test" }
   */
  readonly headers: ReplyHeaders;
  /**
   * Headers of answers about manifests: the limits of a rate for instance.
   * @defaultValue none
   * @example manifestHeaders: { "ratelimit-limit": "100;w=21600" }
   */
  readonly manifestHeaders: ReplyHeaders;
  /**
   * What somebody who writes gets for a cookie.
   * @defaultValue cookies do no harm
   * @example cookieRefusal: { status: 403, words: { text: "no cookies" } }
   */
  readonly cookieRefusal: Refusal | undefined;
  /**
   * JSON body of a good answer at `/v2/`.
   * @defaultValue an empty object
   * @example pingBody: { version: "2" }
   */
  readonly pingBody: unknown;
}

/** What a redirect to an object store is like. */
export const STORAGE_LINKS: LinkHabits = {
  status: 307,
  host: "other",
  refusesAuthorization: true,
  perMethod: true,
  onlyWhole: false,
  body: undefined,
};

/** Everything is answered, by the registry itself. */
export const HONEST_PULL: PullHabits = {
  headBlobStatus: undefined,
  headManifestStatus: undefined,
  ranges: true,
  blobWithout: [],
  manifestWithout: [],
  charset: "",
  needsAccept: false,
  noManifest: { status: 404, words: { code: "MANIFEST_UNKNOWN", message: "manifest unknown" } },
  noRepository: {
    status: 404,
    words: { code: "NAME_UNKNOWN", message: "repository name not known to registry" },
  },
  links: undefined,
  headers: {},
  manifestHeaders: {},
  cookieRefusal: undefined,
  pingBody: {},
};
