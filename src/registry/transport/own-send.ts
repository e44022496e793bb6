import type { HttpRequest } from "../http/send.ts";
import type { TlsOptions } from "../http/tls-options.ts";

/** A request that somebody else is to send, once and as it is. */
export interface OwnRequest {
  readonly method: HttpRequest["method"];
  readonly url: string;
  /** Lower-case names; credentials are among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes that are all there, or come while they are asked for: then `content-length` says how many. A chunk is valid until the next one. */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array> | null;
  /** What is configured about the certificates of this host; whoever sends it has to heed that. */
  readonly tls: TlsOptions | undefined;
  /** Fires when nobody wants the answer any more, its body included: then the connection is to be closed. */
  readonly signal: AbortSignal;
}

/** An answer to it. A `Response` of `fetch` is one. */
export interface OwnResponse {
  readonly status: number;
  /** `Headers`, or an object; names in any case, repeated headers as a list. */
  readonly headers:
    | Iterable<readonly [string, string]>
    | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The bytes as they came: in the coding that `content-encoding` tells, and as many as `content-length` does. Absent: none. */
  readonly body?: AsyncIterable<Uint8Array> | null | undefined;
}

/**
 * Sends a request and gives the answer once its headers are there, whatever its status: redirects are not followed, nothing is sent
 * twice, no header is added that says who we are. What it throws counts as a broken connection, which is tried again
 * (`ErrUnavailable`); an error of drayage's own family is taken as it is. Bodies are read at the pace of whoever wants them.
 */
export type OwnSend = (request: OwnRequest) => Promise<OwnResponse>;
