import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Asker } from "../http/send.ts";
import {
  getManifest,
  headManifest,
  type ManifestContent,
  type ManifestHead,
  type ManifestOptions,
} from "../repository/manifests.ts";
import type { BlobContent } from "../repository/open-content.ts";
import { ping } from "../repository/ping.ts";
import { type RegistryClientOptions, RepositorySession } from "../repository/repository-session.ts";
import { listTags } from "./list-tags.ts";
import { type BlobOptions, type BlobPartOptions, openBlob, openBlobPart } from "./open-blob.ts";
import { listReferrers, type ReferrersOptions } from "./referrers.ts";

/**
 * One repository at one endpoint, read by the OCI distribution API. Every call is one attempt: whoever wants the
 * answer knows how long to insist, and what to show meanwhile. Nothing is verified here but lengths and ranges.
 * Failed answers are thrown as `errorFromResponse` makes them.
 */
export interface RegistryClient {
  /** Whether there is a registry at all (end-1). Throws `ErrNoSupport` when the endpoint does not know `/v2/`. */
  ping(options?: Asker): Promise<void>;
  /** See `headManifest`. */
  headManifest(reference: string, options?: ManifestOptions): Promise<ManifestHead | undefined>;
  /** See `getManifest`. */
  getManifest(reference: string, options?: ManifestOptions): Promise<ManifestContent>;
  /** See `openBlob`. */
  openBlob(digest: Digest, options?: BlobOptions): Promise<BlobContent>;
  /** See `openBlobPart`. */
  openBlobPart(digest: Digest, options: BlobPartOptions): Promise<BlobContent | undefined>;
  /** See `listTags`. */
  listTags(options?: Asker): AsyncIterable<string>;
  /** See `listReferrers`. */
  referrers(digest: Digest, options?: ReferrersOptions): Promise<readonly Descriptor[]>;
}

/** The client of a repository at an endpoint. It holds no connections of its own. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const session = new RepositorySession(options);
  return {
    ping: (asker = {}) => ping(session, asker),
    headManifest: (reference, manifestOptions = {}) => headManifest(session, reference, manifestOptions),
    getManifest: (reference, manifestOptions = {}) => getManifest(session, reference, manifestOptions),
    openBlob: (digest, blobOptions) => openBlob(session, digest, blobOptions),
    openBlobPart: (digest, partOptions) => openBlobPart(session, digest, partOptions),
    listTags: (listOptions) => listTags(session, listOptions),
    referrers: (digest, referrersOptions) => listReferrers(session, digest, referrersOptions),
  };
}
