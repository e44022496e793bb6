import type { Digest } from "../../digest/digest.ts";
import type { Asker, HttpRequest, Place } from "../http/send.ts";
import { type BlobContent, openContent, openPart } from "../repository/open-content.ts";
import type { RepositorySession } from "../repository/repository-session.ts";

/** Largest blob that is short in coming, in bytes: next to the round trip with which it is asked for, its own time is nothing. */
export const MAX_BRIEF_BYTES = 128 * 1024;

/** Which part of a blob is wanted. */
export interface BlobOptions extends Asker {
  /**
   * Bytes that are there already.
   * @unit bytes
   * @defaultValue 0
   * @example offset: 10
   */
  readonly offset?: number | undefined;
  /**
   * Size of the whole blob in bytes, when it is known; an answer that says otherwise is refused.
   * @unit bytes
   * @defaultValue not known
   * @example size: layer.size
   */
  readonly size?: number | undefined;
  /**
   * Where its bytes are to be poured, if they come there.
   * @hidden no door has what it takes
   */
  readonly place?: Place | undefined;
}

/** GET of a blob from `offset` to its end, in one attempt; see `openContent`. */
export async function openBlob(
  session: RepositorySession,
  digest: Digest,
  { offset = 0, size, ...options }: BlobOptions = {},
): Promise<BlobContent> {
  const send: RepositorySession["send"] = (request, expected) => session.send(request, expected);
  const brief = size !== undefined && size <= MAX_BRIEF_BYTES;
  const request = { ...blobRequest(session, digest, options), brief };
  return await openContent({ send, request }, { offset, size });
}

/** Which bytes of a blob are wanted, and nothing else. */
export interface BlobPartOptions extends BlobOptions {
  /**
   * Position of the first of them.
   * @unit bytes
   * @example offset: 0, end: 10
   */
  readonly offset: number;
  /**
   * Position behind the last of them.
   * @unit bytes
   * @example offset: 10, end: 20
   */
  readonly end: number;
}

/** GET of a part of a blob, in one attempt; see `openPart`. */
export async function openBlobPart(
  session: RepositorySession,
  digest: Digest,
  { offset, end, size, ...options }: BlobPartOptions,
): Promise<BlobContent | undefined> {
  const send: RepositorySession["send"] = (request, expected) => session.send(request, expected);
  return await openPart({ send, request: blobRequest(session, digest, options) }, { offset, end, size });
}

function blobRequest(
  session: RepositorySession,
  digest: Digest,
  { place, flow, signal, waiter }: BlobOptions,
): HttpRequest {
  // Without "identity" any encoding may come, and its bytes would be neither the blob nor what a range counts.
  const headers = { accept: "*/*", "accept-encoding": "identity" };
  return session.request({
    method: "GET",
    path: `blobs/${digest}`,
    headers,
    bulk: true,
    place,
    flow,
    signal,
    waiter,
  });
}
