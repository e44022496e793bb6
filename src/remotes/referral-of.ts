import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType } from "../oci/media-types.ts";
import { parseIndex, parseManifest } from "../oci/parse-document.ts";
import type { Referral } from "../registry/push/add-referrer.ts";

/**
 * What the list of referrers says about a manifest or index; `undefined` when it has no `subject` (OCI distribution-spec,
 * "Pushing Manifests with Subject": its type is that of the artifact, or else of the config). Throws the errors of
 * `parseManifest` and `parseIndex`.
 */
export function referralOf({ mediaType, digest, size }: Descriptor, bytes: Uint8Array): Referral | undefined {
  const document = isIndexType(mediaType) ? parseIndex(bytes, mediaType) : parseManifest(bytes, mediaType);
  const { subject, annotations } = document;
  if (!subject) return undefined;
  const configType = document.kind === "manifest" ? document.config.mediaType : undefined;
  const artifactType = document.artifactType ?? configType;
  return {
    subject: subject.digest,
    referrer: {
      mediaType,
      digest,
      size,
      ...(artifactType !== undefined && { artifactType }),
      ...(annotations && { annotations }),
    },
  };
}
