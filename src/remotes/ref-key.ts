import { OCI_NAME } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import {
  isAttestationType,
  isIndexType,
  isKnownConfigType,
  isLayerType,
  isManifestType,
} from "../oci/media-types.ts";

const PREFIXES: ReadonlyArray<readonly [prefix: string, matches: (mediaType: string) => boolean]> = [
  ["manifest", isManifestType],
  ["index", isIndexType],
  ["layer", isLayerType],
  ["config", isKnownConfigType],
  ["attestation", isAttestationType],
];

/**
 * The name under which a descriptor is transferred and ingested: `layer-sha256:...` (containerd `remotes.MakeRefKey`). Equal
 * keys are one transfer, in this process and across processes.
 */
export function makeRefKey(descriptor: Descriptor): string {
  const prefix = PREFIXES.find(([, matches]) => matches(descriptor.mediaType))?.[0] ?? "unknown";
  const name = descriptor.annotations?.[OCI_NAME];
  return `${prefix}-${name === undefined ? "" : `${name}@`}${descriptor.digest}`;
}
