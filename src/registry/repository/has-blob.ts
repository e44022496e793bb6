import type { Digest } from "../../digest/digest.ts";
import { refusesShortCut } from "../answers/short-cuts.ts";
import { type Asker, type HttpResponse, headerOf } from "../http/send.ts";
import type { RepositorySession } from "./repository-session.ts";

/** What is known of the blob that is asked for. */
export interface HasBlobOptions extends Asker {
  /**
   * Its size; an answer about anything of another size is about something else.
   * @unit bytes
   * @defaultValue not known
   * @example size: layer.size
   */
  readonly size?: number | undefined;
}

/**
 * Whether the repository has a blob (OCI distribution-spec, end-2). Only 200 says so, and only with a length or digest
 * that is the blob's: pages of proxies and portals are 200 as well. A registry that would not say is taken to have nothing:
 * the upload settles it, and its refusal has the reason.
 */
export async function hasBlob(
  repository: RepositorySession,
  digest: Digest,
  { size, signal, waiter }: HasBlobOptions = {},
): Promise<boolean> {
  const request = repository.request({ method: "HEAD", path: `blobs/${digest}`, signal, waiter });
  const response = await repository.send(request, (answer) => refusesShortCut("blob HEAD", answer));
  await response.body.discard();
  return response.status === 200 && isAbout(response, { digest, size });
}

function isAbout(
  response: HttpResponse,
  { digest, size }: { readonly digest: Digest; readonly size: number | undefined },
): boolean {
  const named = headerOf(response, "docker-content-digest");
  const length = headerOf(response, "content-length");
  if (named === undefined && length === undefined) return false;
  const isOfSize = length === undefined || size === undefined || Number(length) === size;
  return isOfSize && (named === undefined || named === digest);
}
