import { isDigest } from "../../digest/digest.ts";
import { ErrNotImplemented } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import type { Asker } from "../http/send.ts";
import { manifestPath } from "../repository/manifests.ts";
import type { RepositorySession } from "../repository/repository-session.ts";

/** Answers of registries that do not delete: method not allowed, not implemented. */
const CANNOT_STATUSES: readonly number[] = [405, 501];

/** Those of registries that take a tag for a digest that is malformed. */
const CANNOT_BY_TAG_STATUSES: readonly number[] = [...CANNOT_STATUSES, 400];

/**
 * Deletes a tag, or a manifest by its digest, with its tags (OCI distribution-spec, end-9). Throws `ErrNotFound` for what is not there,
 * and `ErrNotImplemented` where the registry does not do it, or not by tag.
 */
export async function deleteManifest(
  repository: RepositorySession,
  reference: string,
  asker: Asker = {},
): Promise<void> {
  const request = repository.request({ method: "DELETE", path: manifestPath(reference), ...asker });
  try {
    const response = await repository.send(request);
    await response.body.discard();
  } catch (error) {
    throw explained(error, reference);
  }
}

function explained(error: unknown, reference: string): unknown {
  const found = findError(error);
  const isTag = !isDigest(reference);
  const cannot = isTag ? CANNOT_BY_TAG_STATUSES : CANNOT_STATUSES;
  if (!found || !cannot.includes(found.httpStatus ?? 0)) return error;
  const { endpoint, httpStatus, registryCode } = found;
  const advice = isTag ? "; a manifest may go by its digest, with all its tags" : "";
  const message = `${found.message}: the registry does not delete ${isTag ? "tags" : "manifests"}${advice}`;
  return new ErrNotImplemented(message, { cause: error, endpoint, httpStatus, registryCode });
}
