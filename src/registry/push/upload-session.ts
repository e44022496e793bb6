import type { Digest } from "../../digest/digest.ts";
import { ErrUnavailable, ErrUnknown } from "../../errors/classes.ts";
import { redactOrigin } from "../../errors/redact-url.ts";
import { type Asker, type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import type { RepositorySession } from "../repository/repository-session.ts";
import type { MountResult, UploadSession } from "./push-client.ts";

/** Answers to "end it" which mean that there is no such session any more, or that sessions end by themselves only. */
const NOTHING_TO_END_STATUSES: readonly number[] = [404, 405, 410, 501];

/** Requests to end a session: bytes of a broken request may still be on their way into it. */
const MAX_CANCEL_TRIES = 3;

/** Answers to "how far are you" which mean that the session is gone, or that the registry cannot tell. */
const NO_OFFSET_STATUSES: readonly number[] = [400, 404, 405, 410, 501];

/** Opens an upload session (OCI distribution-spec, end-4a). */
export async function startUpload(repository: RepositorySession, asker: Asker = {}): Promise<UploadSession> {
  const request = repository.request({ method: "POST", path: "blobs/uploads/", ...asker });
  const response = await repository.send(request);
  await response.body.discard();
  return newSession(request, response);
}

/**
 * Asks for a blob of another repository (end-11), with a token for both. A registry that does not have it there, or does
 * not mount, opens an ordinary session instead.
 */
export async function mountBlob(
  repository: RepositorySession,
  { digest, from }: { readonly digest: Digest; readonly from: string },
  asker: Asker = {},
): Promise<MountResult> {
  const source = repository.nameOf(from);
  const query = new URLSearchParams({ mount: digest, from: source });
  const path = `blobs/uploads/?${query.toString()}`;
  const moreScopes = [`repository:${source}:pull`];
  const request = repository.request({ method: "POST", path, moreScopes, ...asker });
  const response = await repository.send(request);
  await response.body.discard();
  if (response.status === 201) return { kind: "mounted" };
  return { kind: "upload", session: newSession(request, response) };
}

/**
 * How many bytes the registry holds of a session (end-13); `undefined` when the session is gone, or the registry does not
 * say. One byte counts as none, see `takenBytes`.
 */
export async function uploadOffset(
  repository: RepositorySession,
  session: UploadSession,
  asker: Asker = {},
): Promise<{ readonly session: UploadSession; readonly offset: number } | undefined> {
  const request = repository.requestTo(session.location, {
    method: "GET",
    stranger: session.stranger,
    ...asker,
  });
  const response = await repository.send(request, NO_OFFSET_STATUSES);
  await response.body.discard();
  const offset = takenBytes(response);
  if (NO_OFFSET_STATUSES.includes(response.status) || offset === undefined) return undefined;
  return { session: nextSession(session, request, response), offset };
}

/**
 * Gives a session up (end-14). Throws what the registry has against it, unless there is nothing to give up. CNCF distribution
 * from 3.0 answers 416 to an address that is older than the bytes it has, and tells the newest one.
 */
export async function cancelUpload(
  repository: RepositorySession,
  session: UploadSession,
  asker: Asker = {},
): Promise<void> {
  let newest: UploadSession | undefined = session;
  for (let tries = 1; newest; tries++) {
    const request = repository.requestTo(newest.location, {
      method: "DELETE",
      stranger: newest.stranger,
      ...asker,
    });
    const mayBeOld = tries < MAX_CANCEL_TRIES ? [416] : [];
    const response = await repository.send(request, [...NOTHING_TO_END_STATUSES, ...mayBeOld]);
    await response.body.discard();
    if (response.status !== 416) return;
    newest = (await uploadOffset(repository, newest, asker))?.session;
  }
}

/** `session` as it goes on after `response`: where that says nothing, as before. */
export function nextSession(
  session: UploadSession,
  request: HttpRequest,
  response: HttpResponse,
): UploadSession {
  const location = locationOf(request, response) ?? session.location;
  const isStranger = session.stranger === true || isFromStranger(request, response);
  const { minChunkBytes, bodyBytes } = session;
  return { location, minChunkBytes, bodyBytes, ...(isStranger && { stranger: true }) };
}

/** Whether the answer came from another origin than the endpoint's own, by a redirect or by an earlier location. */
function isFromStranger(request: HttpRequest, response: HttpResponse): boolean {
  return request.stranger === true || new URL(response.url).origin !== new URL(request.url).origin;
}

/**
 * Bytes that the registry holds by the `Range` header of its answer, `0-<last>`, with or without a unit in front. CNCF
 * distribution says `0-0` for one byte and for none: that counts as none.
 */
export function takenBytes(response: HttpResponse): number | undefined {
  const last = Number(/^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(response, "range") ?? "")?.[1] ?? Number.NaN);
  if (Number.isNaN(last)) return undefined;
  return last === 0 ? 0 : last + 1;
}

/** The address that finishes an upload: `location` with the digest added to its query, which stays as it is. */
export function finishAddress(location: string, digest: Digest): string {
  const url = new URL(location);
  const before = url.search === "" ? "" : `${url.search}&`;
  url.search = `${before}digest=${encodeURIComponent(digest)}`;
  return url.href;
}

function newSession(request: HttpRequest, response: HttpResponse): UploadSession {
  const location = locationOf(request, response);
  if (location === undefined) {
    const { origin, pathname } = new URL(request.url);
    const message = `start upload ${origin}${pathname}: got no location, wanted one`;
    throw new ErrUnknown(message, { endpoint: origin, httpStatus: response.status, retryable: false });
  }
  const minimum = headerOf(response, "oci-chunk-min-length") ?? "";
  return {
    location,
    minChunkBytes: /^\d{1,15}$/.test(minimum) ? Number(minimum) : 0,
    isNew: true,
    ...(isFromStranger(request, response) && { stranger: true }),
  };
}

/** `Location` as an absolute URL. Throws for one that would take the bytes out of TLS. */
function locationOf(request: HttpRequest, response: HttpResponse): string | undefined {
  const header = headerOf(response, "location");
  if (header === undefined || !URL.canParse(header, response.url)) return undefined;
  const location = new URL(header, response.url);
  location.hash = "";
  const { origin, protocol } = new URL(request.url);
  if (location.protocol === "https:" || location.protocol === protocol) return location.href;
  const message = `${request.method} ${origin}: upload location at ${redactOrigin(location)} refused, wanted ${protocol}`;
  throw new ErrUnavailable(message, { endpoint: origin, retryable: false });
}
