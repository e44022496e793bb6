import { ErrDataLoss } from "../../errors/classes.ts";
import { refusesShortCut } from "../answers/short-cuts.ts";
import { contentCodings, decodedBody } from "../http/content-coding.ts";
import { type ContentRange, parseContentRange } from "../http/content-range.ts";
import { type HttpBody, type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import type { RepositorySession } from "./repository-session.ts";

/** Content on its way. */
export interface BlobContent {
  /** Position of the first byte of `body`: the offset asked for, or 0 when the server sends the whole content again. */
  readonly offset: number;
  /** Size of the whole content, when the server tells. */
  readonly size: number | undefined;
  readonly body: HttpBody;
  /** Says that its bytes are wrong, see `HttpResponse.doubt`. */
  readonly doubt?: (() => void) | undefined;
}

/** How content is asked for. */
export interface ContentQuestion {
  /** Sends once, and throws for answers that are neither a success nor expected. */
  readonly send: RepositorySession["send"];
  /** For the whole content, without a content coding. */
  readonly request: HttpRequest;
}

/** Which part of it is wanted. */
export interface ContentWanted {
  /** Bytes that are there already. */
  readonly offset: number;
  /** Size of the whole content in bytes, when it is known; an answer that says otherwise is refused. */
  readonly size: number | undefined;
  /** Whether a range has to name its last byte: some servers go wrong otherwise. Then none is asked for without a size. */
  readonly closedRange?: boolean | undefined;
}

/** A part of content, in bytes. */
export interface PartWanted {
  readonly offset: number;
  /** Position behind its last byte. */
  readonly end: number;
  /** Size of the whole content, when it is known. */
  readonly size: number | undefined;
}

/**
 * GET of content from `offset` to its end, in one attempt. A range is checked before a byte is given: it must start at
 * `offset` and reach the end. A server that refuses the range, whatever it says, or answers with another one, is asked for the
 * whole content instead, unless `offset` is exactly the end: then the body is empty. Throws `ErrDataLoss` when the content is not of
 * the expected size, retryable only where that may be another's; no digest is checked here.
 */
export async function openContent(question: ContentQuestion, wanted: ContentWanted): Promise<BlobContent> {
  const { request } = question;
  const { size } = wanted;
  const content = (await openRange(question, wanted)) ?? (await openWhole(question, size));
  if (size === undefined || content.size === undefined || content.size === size) return content;
  await content.body.discard();
  content.doubt?.();
  const retryable = content.doubt !== undefined;
  throw dataLoss(request, `got a blob of ${content.size} bytes, wanted ${size}`, retryable);
}

/** The range to ask for; `undefined` when the whole is to be asked for. */
function rangeHeader({ offset, size, closedRange = false }: ContentWanted): string | undefined {
  if (offset === 0) return undefined;
  if (!closedRange) return `bytes=${offset}-`;
  return size === undefined ? undefined : `bytes=${offset}-${size - 1}`;
}

/** The part from `offset`, or whatever else the server sends with a 200; `undefined` when the range cannot be had. */
async function openRange(
  { send, request }: ContentQuestion,
  wanted: ContentWanted,
): Promise<BlobContent | undefined> {
  const { offset, size } = wanted;
  const part = rangeHeader(wanted);
  if (part === undefined) return undefined;
  const headers = { ...request.headers, range: part };
  const response = await send({ ...request, headers }, (answer) => refusesShortCut("blob range", answer));
  const range = parseContentRange(headerOf(response, "content-range"));
  if (response.status === 206 && !isEncoded(response) && reachesEndFrom(offset, range, lengthOf(response))) {
    return { offset, size: range.part.end + 1, body: response.body };
  }
  if (response.status === 200) return wholeOf(request, response, size);
  await response.body.discard();
  const atEnd = response.status === 416 && range?.total === offset;
  return atEnd ? { offset, size: offset, body: EMPTY_BODY } : undefined;
}

/**
 * GET of content from `offset` up to `end`, in one attempt; `undefined` when the server refuses ranges, sends the whole, or any other
 * part than this one. Then nothing is read of it.
 */
export async function openPart(
  { send, request }: ContentQuestion,
  { offset, end, size }: PartWanted,
): Promise<BlobContent | undefined> {
  const headers = { ...request.headers, range: `bytes=${offset}-${end - 1}` };
  const response = await send({ ...request, headers }, (answer) => refusesShortCut("blob range", answer));
  const range = parseContentRange(headerOf(response, "content-range"));
  const { part, total = size } = range ?? {};
  const isWanted = part?.start === offset && part.end === end - 1 && total === size;
  const hasLength = (lengthOf(response) ?? end - offset) === end - offset;
  if (response.status === 206 && isWanted && hasLength && !isEncoded(response)) {
    return { offset, size, body: response.body };
  }
  await response.body.discard();
  return undefined;
}

async function openWhole({ send, request }: ContentQuestion, size: number | undefined): Promise<BlobContent> {
  const response = await send(request);
  if (response.status !== 206) return wholeOf(request, response, size);
  await response.body.discard();
  throw dataLoss(request, "got a part, wanted the whole");
}

/** Whether a range counts other bytes than ours. */
function isEncoded({ headers }: HttpResponse): boolean {
  return contentCodings(headers["content-encoding"]).length > 0;
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
  if (isBlobItself) return { offset: 0, size, body: response.body, doubt: response.doubt };
  const { origin } = new URL(request.url);
  const body = decodedBody(response.body, codings, origin);
  return { offset: 0, size: undefined, body, doubt: response.doubt };
}

function lengthOf(response: HttpResponse): number | undefined {
  const header = headerOf(response, "content-length");
  return header === undefined ? undefined : Number(header);
}

function dataLoss({ url }: HttpRequest, problem: string, retryable = false): ErrDataLoss {
  const { origin, pathname } = new URL(url);
  return new ErrDataLoss(`GET ${origin}${pathname}: ${problem}`, { endpoint: origin, retryable });
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
