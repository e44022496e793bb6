import { OCI_NAME } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import {
  isAttestationType,
  isIndexType,
  isKnownConfigType,
  isLayerType,
  isManifestType,
} from "../oci/media-types.ts";
import type { Source } from "./source.ts";

const PREFIXES: ReadonlyArray<readonly [prefix: string, matches: (mediaType: string) => boolean]> = [
  ["manifest", isManifestType],
  ["index", isIndexType],
  ["layer", isLayerType],
  ["config", isKnownConfigType],
  ["attestation", isAttestationType],
];

/**
 * The name under which a descriptor's bytes are transferred in this process: its digest, whatever media type and annotations
 * an image gives it.
 */
export function transferKey({ digest }: Descriptor): string {
  return `content-${digest}`;
}

/**
 * Whom a failed transfer of a descriptor is blamed on: the source, and what was said to it. Another descriptor of the same
 * bytes may have a type or a size that is right.
 */
export function transferSource(source: Source, { mediaType, size }: Descriptor): Source {
  return `${source} ${mediaType} ${size}`;
}

/**
 * The name under which a descriptor is ingested: `layer-sha256:...` (containerd `remotes.MakeRefKey`). Equal keys are one
 * ingest, in this process and across processes.
 */
export function makeRefKey(descriptor: Descriptor): string {
  const prefix = PREFIXES.find(([, matches]) => matches(descriptor.mediaType))?.[0] ?? "unknown";
  const name = descriptor.annotations?.[OCI_NAME];
  return `${prefix}-${name === undefined ? "" : `${name}@`}${descriptor.digest}`;
}
