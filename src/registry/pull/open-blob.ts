import type { Digest } from "../../digest/digest.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { refusesShortCut } from "../answers/short-cuts.ts";
import { contentCodings, decodedBody } from "../http/content-coding.ts";
import { type ContentRange, parseContentRange } from "../http/content-range.ts";
import { type Asker, type HttpBody, type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import type { RepositorySession } from "../repository/repository-session.ts";

/** Which part of a blob is wanted. */
export interface BlobOptions extends Asker {
  /** Bytes that are there already. Default 0. */
  readonly offset?: number | undefined;
  /** Size of the whole blob in bytes, when it is known; an answer that says otherwise is refused. */
  readonly size?: number | undefined;
}

/** A blob on its way. */
export interface BlobContent {
  /** Position of the first byte of `body`: the offset asked for, or 0 when the server sends the whole blob again. */
  readonly offset: number;
  /** Size of the whole blob, when the server tells. */
  readonly size: number | undefined;
  readonly body: HttpBody;
}

/**
 * GET of a blob from `offset` to its end, in one attempt. A range is checked before a byte is given: it must start at
 * `offset` and reach the end. A server that refuses the range, whatever it says, or answers with another one, is asked for the
 * whole blob instead, unless `offset` is exactly the end: then the body is empty. Throws `ErrDataLoss`, not retryable, when the
 * blob is not of the expected size; no digest is checked here.
 */
export async function openBlob(
  session: RepositorySession,
  digest: Digest,
  { offset = 0, size, ...options }: BlobOptions = {},
): Promise<BlobContent> {
  const request = blobRequest(session, digest, options);
  const wanted = { offset, size };
  const content = (await openRange(session, request, wanted)) ?? (await openWhole(session, request, size));
  if (size === undefined || content.size === undefined || content.size === size) return content;
  await content.body.discard();
  throw dataLoss(request, `got a blob of ${content.size} bytes, wanted ${size}`);
}

function blobRequest(
  session: RepositorySession,
  digest: Digest,
  { signal, waiter }: BlobOptions,
): HttpRequest {
  // Without "identity" any encoding may come, and its bytes would be neither the blob nor what a range counts.
  const headers = { accept: "*/*", "accept-encoding": "identity" };
  return session.request({ method: "GET", path: `blobs/${digest}`, headers, signal, waiter });
}

/** The part from `offset`, or whatever else the server sends with a 200; `undefined` when the range cannot be had. */
async function openRange(
  session: RepositorySession,
  request: HttpRequest,
  { offset, size }: { readonly offset: number; readonly size: number | undefined },
): Promise<BlobContent | undefined> {
  if (offset === 0) return undefined;
  const headers = { ...request.headers, range: `bytes=${offset}-` };
  const response = await session.send({ ...request, headers }, (answer) =>
    refusesShortCut("blob range", answer),
  );
  const range = parseContentRange(headerOf(response, "content-range"));
  const isEncoded = contentCodings(response.headers["content-encoding"]).length > 0; // its range counts other bytes than ours
  if (response.status === 206 && !isEncoded && reachesEndFrom(offset, range, lengthOf(response))) {
    return { offset, size: range.part.end + 1, body: response.body };
  }
  if (response.status === 200) return wholeOf(request, response, size);
  await response.body.discard();
  const atEnd = response.status === 416 && range?.total === offset;
  return atEnd ? { offset, size: offset, body: EMPTY_BODY } : undefined;
}

async function openWhole(
  session: RepositorySession,
  request: HttpRequest,
  size: number | undefined,
): Promise<BlobContent> {
  const response = await session.send(request);
  if (response.status !== 206) return wholeOf(request, response, size);
  await response.body.discard();
  throw dataLoss(request, "got a part, wanted the whole");
}

function reachesEndFrom(
  offset: number,
  range: ContentRange | undefined,
  length: number | undefined,
): range is Required<Pick<ContentRange, "part">> {
  if (range?.part?.start !== offset) return false;
  const { end } = range.part;
  return (range.total ?? end + 1) === end + 1 && (length ?? end + 1 - offset) === end + 1 - offset;
}

/**
 * The whole blob. A Content-Encoding that was put on it on the way is taken off; where the length is the blob's own, the header
 * only describes the blob, as object stores do with compressed files.
 */
function wholeOf(request: HttpRequest, response: HttpResponse, wantedSize: number | undefined): BlobContent {
  const size = lengthOf(response);
  const codings = contentCodings(response.headers["content-encoding"]);
  const isBlobItself = codings.length === 0 || (size !== undefined && size === wantedSize);
  if (isBlobItself) return { offset: 0, size, body: response.body };
  const { origin } = new URL(request.url);
  return { offset: 0, size: undefined, body: decodedBody(response.body, codings, origin) };
}

function lengthOf(response: HttpResponse): number | undefined {
  const header = headerOf(response, "content-length");
  return header === undefined ? undefined : Number(header);
}

function dataLoss({ url }: HttpRequest, problem: string): ErrDataLoss {
  const { origin, pathname } = new URL(url);
  return new ErrDataLoss(`GET ${origin}${pathname}: ${problem}`, { endpoint: origin, retryable: false });
}

const EMPTY_BODY: HttpBody = {
  async pipeTo() {},
  async bytes() {
    return new Uint8Array();
  },
  async head() {
    return new Uint8Array();
  },
  async discard() {},
};
