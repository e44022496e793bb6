import type { Digest } from "../../digest/digest.ts";

/** Which part of the API version 1 a request went to; `v1-images` is that of the index. */
export type V1RequestKind = "v1-ping" | "v1-images" | "v1-tags" | "v1-ancestry" | "v1-json" | "v1-layer";

/**
 * Which part of the API a request went to. `storage` is where a registry sends clients for a blob that it does not send itself;
 * `other` is a path outside of the API.
 */
export type RequestKind =
  | "ping"
  | "manifest"
  | "blob"
  | "upload"
  | "tags"
  | "referrers"
  | "token"
  | V1RequestKind
  | "storage"
  | "other";

/**
 * `started`: not answered to the end; `finished`: the whole answer was handed to the socket; `aborted`: the connection
 * closed before that, by the client or by a fault.
 */
export type RequestState = "started" | "finished" | "aborted";

/** What the registry remembers of a request. It is live: status, state and counters change while the request runs. */
export interface RequestRecord {
  readonly kind: RequestKind;
  readonly method: string;
  /** Path without query, as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly repository?: string | undefined;
  /** Tag or digest of a manifest, digest of a blob or subject, id of an upload session; tag or image id of version 1. */
  readonly reference?: string | undefined;
  /** Digest that the request names: in its path, or as `digest` or `mount` in its query. */
  readonly digest?: Digest | undefined;
  /** The `Range` header. */
  readonly range?: string | undefined;
  /** Scheme of the `Authorization` header, as sent; the credentials are not kept. */
  readonly authorization?: string | undefined;
  /** Headers of the request with lower-case names, without `authorization` and cookies. */
  readonly headers: Readonly<Record<string, string>>;
  /** Number of the connection, from 1: requests with the same number shared a socket. */
  readonly connection: number;
  readonly state: RequestState;
  /** Status of the answer, once it is known. */
  readonly status?: number | undefined;
  /** Body bytes written to the socket. */
  readonly bytesSent: number;
  /** Body bytes read from the socket. */
  readonly bytesReceived: number;
  /** What went wrong inside the registry, or in a function that a test gave it: answered by 500 or a reset. */
  readonly error?: unknown;
}
