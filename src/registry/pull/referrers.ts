import type { Digest } from "../../digest/digest.ts";
import { ErrNotImplemented, ErrOutOfRange, ErrUnknown } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { OCI_INDEX } from "../../oci/media-types.ts";
import { MAX_MANIFEST_BYTES, parseIndex } from "../../oci/parse-document.ts";
import { refusesShortCut } from "../answers/short-cuts.ts";
import { PageTrail } from "../http/next-page.ts";
import type { Asker, HttpRequest } from "../http/send.ts";
import { getManifest, mediaTypeOf } from "../repository/manifests.ts";
import type { RepositorySession } from "../repository/repository-session.ts";

/** Pages of one listing; a registry that goes on longer is sending us in circles. */
export const MAX_REFERRER_PAGES = 1_000;

/** Which referrers are wanted. */
export interface ReferrersOptions extends Asker {
  /**
   * Only those of this type.
   * @defaultValue all
   * @example artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json"
   */
  readonly artifactType?: string | undefined;
}

/**
 * The manifests whose `subject` is `digest` (OCI distribution-spec, end-12), filtered here as well, because a registry need
 * not. Where there is no such API, what the fallback tag lists; nothing when there is no tag either. Throws `ErrOutOfRange`
 * past `MAX_REFERRER_PAGES`, `ErrInvalidArgument` for a listing that is no image index.
 */
export async function listReferrers(
  repository: RepositorySession,
  digest: Digest,
  { artifactType, ...asker }: ReferrersOptions = {},
): Promise<readonly Descriptor[]> {
  const query = artifactType === undefined ? "" : `?${new URLSearchParams({ artifactType }).toString()}`;
  const request = repository.request({
    method: "GET",
    path: `referrers/${digest}${query}`,
    headers: { accept: OCI_INDEX },
    ...asker,
  });
  const found = (await readPages(repository, request)) ?? (await readTag(repository, digest, asker));
  return artifactType === undefined ? found : found.filter((item) => item.artifactType === artifactType);
}

/**
 * The tag under which clients keep the referrers of `digest` where the registry does not (OCI distribution-spec, "Referrers
 * Tag Schema").
 */
export function referrersTag(digest: Digest): string {
  const [algorithm = "", encoded = ""] = digest.split(":");
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`.replace(/[^\w.-]/g, "-");
}

/** `undefined` when the registry has no referrers API. */
async function readPages(
  repository: RepositorySession,
  first: HttpRequest,
): Promise<Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  const trail = new PageTrail("list referrers");
  let request: HttpRequest | undefined = first;
  for (let page = 1; request; page++) {
    if (page > MAX_REFERRER_PAGES) {
      throw new ErrOutOfRange(`list referrers: more than ${MAX_REFERRER_PAGES} pages`);
    }
    const isFirst = page === 1;
    const response = await repository.send(
      request,
      (answer) => isFirst && refusesShortCut("referrers API", answer),
    );
    if (response.status !== 200 || mediaTypeOf(response) !== OCI_INDEX) {
      await response.body.discard();
      if (isFirst) return undefined;
      throw new ErrUnknown("list referrers: got a page that is no image index", { retryable: false });
    }
    found.push(...parseIndex(await trail.read(response, MAX_MANIFEST_BYTES), OCI_INDEX).manifests);
    request = trail.next(request, response);
  }
  return found;
}

async function readTag(
  repository: RepositorySession,
  digest: Digest,
  asker: Asker,
): Promise<readonly Descriptor[]> {
  try {
    const { bytes } = await getManifest(repository, referrersTag(digest), { accept: [OCI_INDEX], ...asker });
    const { manifests, foreign } = parseIndex(bytes, OCI_INDEX);
    if (foreign.length === 0) return manifests;
    // Whoever writes the list again would leave them out.
    throw new ErrNotImplemented(`list referrers: the digest algorithm of ${foreign[0]} is not supported`, {
      digest,
    });
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
