import { type Digest, digestOf } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { descriptorToJson } from "../../oci/descriptor-to-json.ts";
import { OCI_INDEX } from "../../oci/media-types.ts";
import type { Asker } from "../http/send.ts";
import { referrersTag } from "../pull/referrers.ts";
import type { PushClient } from "./push-client.ts";

/** What goes into the list of a subject's referrers. */
export interface Referral {
  readonly subject: Digest;
  /** With the artifact type and annotations of the manifest that it describes. */
  readonly referrer: Descriptor;
}

/**
 * Lists a manifest under the fallback tag of its subject, unless it is there (OCI distribution-spec, "Pushing Manifests with
 * Subject"): what a client does when `putManifest` says that the registry keeps no referrers. The list is read and written
 * whole, and registries offer no lock: of two clients that do this at the same moment, one may be forgotten.
 */
export async function addReferrer(
  client: Pick<PushClient, "putManifest" | "referrers">,
  { subject, referrer }: Referral,
  asker: Asker = {},
): Promise<void> {
  const known = await client.referrers(subject, asker);
  if (known.some(({ digest }) => digest === referrer.digest)) return;
  const manifests = [...known, referrer].map(descriptorToJson);
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  const index = { mediaType: OCI_INDEX, bytes, digest: digestOf(bytes) };
  await client.putManifest(referrersTag(subject), index, asker);
}
