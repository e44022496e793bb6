import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { RepositorySession } from "./repository-session.ts";

/** Whether the repository has a blob (OCI distribution-spec, end-2). */
export async function hasBlob(
  repository: RepositorySession,
  digest: Digest,
  { signal }: AbortOptions = {},
): Promise<boolean> {
  const request = repository.request({ method: "HEAD", path: `blobs/${digest}`, signal });
  const response = await repository.send(request, [404]);
  await response.body.discard();
  return response.status !== 404;
}
