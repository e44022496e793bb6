import type { Digest } from "../../digest/digest.ts";
import { checkStored } from "../answers/check-stored.ts";
import { type Asker, headerOf } from "../http/send.ts";
import { headManifest, manifestPath } from "../repository/manifests.ts";
import type { RepositorySession } from "../repository/repository-session.ts";

/** A manifest to be put, and what it is to be put as. */
export interface OutgoingManifest {
  readonly mediaType: string;
  /** Sent byte for byte. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

/**
 * Whether `reference` is there and has `digest` (OCI distribution-spec, end-3). A registry that would not say is taken to
 * have nothing: putting the manifest again does no harm, and its refusal has the reason.
 */
export async function hasManifest(
  repository: RepositorySession,
  { reference, digest }: { readonly reference: string; readonly digest: Digest },
  asker: Asker = {},
): Promise<boolean> {
  const head = await headManifest(repository, reference, asker);
  return head?.digest === digest;
}

/** Puts a manifest by tag or digest (end-7). `keepsReferrers`: the registry has listed it with its `subject`. */
export async function putManifest(
  repository: RepositorySession,
  { reference, manifest }: { readonly reference: string; readonly manifest: OutgoingManifest },
  asker: Asker = {},
): Promise<{ readonly keepsReferrers: boolean }> {
  const request = repository.request({
    method: "PUT",
    path: manifestPath(reference),
    headers: { "content-type": manifest.mediaType },
    body: manifest.bytes,
    ...asker,
  });
  const response = await repository.send(request);
  await response.body.discard();
  checkStored(request, response, manifest.digest);
  return { keepsReferrers: headerOf(response, "oci-subject") !== undefined };
}
