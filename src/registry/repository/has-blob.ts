import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { refusesShortCut } from "../answers/short-cuts.ts";
import type { RepositorySession } from "./repository-session.ts";

/**
 * Whether the repository has a blob (OCI distribution-spec, end-2). Only 200 says so. A registry that would not say is taken to
 * have nothing: the upload settles it, and its refusal has the reason.
 */
export async function hasBlob(
  repository: RepositorySession,
  digest: Digest,
  { signal }: AbortOptions = {},
): Promise<boolean> {
  const request = repository.request({ method: "HEAD", path: `blobs/${digest}`, signal });
  const response = await repository.send(request, (answer) => refusesShortCut("blob HEAD", answer));
  await response.body.discard();
  return response.status === 200;
}
