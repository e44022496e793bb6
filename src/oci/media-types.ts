import { ErrNotImplemented } from "../errors/classes.ts";

/** Docker image manifest, schema 2. */
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
/** Docker manifest list. */
export const DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
/** Docker image manifest, schema 1, signed: recognised only to be refused. */
export const DOCKER_SCHEMA1_MANIFEST = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/** Docker image config. */
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
/** Docker layer, uncompressed by name; may be compressed in fact. `.gzip` and `.zstd` are its compressed forms. */
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
/** Docker layer, gzip. */
export const DOCKER_LAYER_GZIP = `${DOCKER_LAYER}.gzip`;
/** Docker layer, zstd. */
export const DOCKER_LAYER_ZSTD = `${DOCKER_LAYER}.zstd`;
/** Docker layer that may not be redistributed. */
export const DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar";
/** Docker layer that may not be redistributed, gzip. */
export const DOCKER_FOREIGN_LAYER_GZIP = `${DOCKER_FOREIGN_LAYER}.gzip`;
/** OCI image manifest. */
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** OCI image index. */
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
/** OCI image config. */
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
/** OCI layer, uncompressed. */
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
/** OCI layer, gzip. */
export const OCI_LAYER_GZIP = `${OCI_LAYER}+gzip`;
/** OCI layer, zstd. */
export const OCI_LAYER_ZSTD = `${OCI_LAYER}+zstd`;
/** The content `{}`, where a config or layer must be named but none is meant (OCI image-spec, manifest.md). */
export const OCI_EMPTY = "application/vnd.oci.empty.v1+json";
/** In-toto attestation, as BuildKit attaches it. */
export const IN_TOTO = "application/vnd.in-toto+json";

/** Every document a pull understands, in the order in which docker and containerd ask for them. */
export const MANIFEST_ACCEPT: readonly string[] = [
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_MANIFEST,
  OCI_INDEX,
];

const OCI_LAYER_PREFIX = "application/vnd.oci.image.layer.";
const NON_DISTRIBUTABLE_PREFIXES = [
  `${OCI_LAYER_PREFIX}nondistributable.`,
  "application/vnd.docker.image.rootfs.foreign.",
];
const CHECKPOINT_CONFIGS: ReadonlySet<string> = new Set([
  "application/vnd.containerd.container.criu.checkpoint.criu.tar",
  "application/vnd.containerd.container.checkpoint.config.v1+proto",
]);

/** How the content of a layer is compressed; `unknown` has to be found out from its first bytes. */
export type LayerCompression = "none" | "gzip" | "zstd" | "unknown";

const DOCKER_LAYERS: ReadonlyMap<string, LayerCompression> = new Map([
  [DOCKER_LAYER, "unknown"],
  [DOCKER_LAYER_GZIP, "gzip"],
  [DOCKER_LAYER_ZSTD, "zstd"],
  [DOCKER_FOREIGN_LAYER, "unknown"],
  [DOCKER_FOREIGN_LAYER_GZIP, "gzip"],
]);

const RESTRICTED_NAME = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
const MEDIA_TYPE = new RegExp(`^${RESTRICTED_NAME}/${RESTRICTED_NAME}$`);

/** Of content of which nobody says what it is (RFC 2046, section 4.5.1). */
export const ANY_TYPE = "application/octet-stream";

/** Whether a text may be a media type (RFC 6838, section 4.2). */
export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}

/** Whether content of this type is an image manifest: docker schema 2 or OCI. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === DOCKER_MANIFEST || mediaType === OCI_MANIFEST;
}

/** Whether content of this type lists manifests: docker manifest list or OCI index. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === DOCKER_MANIFEST_LIST || mediaType === OCI_INDEX;
}

/** Whether content of this type is an image config: docker or OCI. */
export function isConfigType(mediaType: string): boolean {
  return mediaType === DOCKER_CONFIG || mediaType === OCI_CONFIG;
}

/** Whether content of this type is an image config or one of containerd's checkpoint configs. */
export function isKnownConfigType(mediaType: string): boolean {
  return isConfigType(mediaType) || CHECKPOINT_CONFIGS.has(mediaType);
}

/** Whether content of this type is a layer: any OCI layer type, or a docker one with any `+` extensions. */
export function isLayerType(mediaType: string): boolean {
  return mediaType.startsWith(OCI_LAYER_PREFIX) || DOCKER_LAYERS.has(splitExtensions(mediaType).base);
}

/** Whether content of this type may not be pushed elsewhere: OCI non-distributable and docker foreign layers. */
export function isNonDistributable(mediaType: string): boolean {
  return NON_DISTRIBUTABLE_PREFIXES.some((prefix) => mediaType.startsWith(prefix));
}

/** Whether content of this type is a signed schema 1 manifest. */
export function isSchema1Type(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA1_MANIFEST;
}

/** Whether content of this type is an attestation. */
export function isAttestationType(mediaType: string): boolean {
  return mediaType === IN_TOTO;
}

/**
 * The compression that a layer's type promises (containerd `images.DiffCompression`). A docker type with extensions is
 * wrapped in something else and counts as `none`. Throws `ErrNotImplemented` for what is not a layer.
 */
export function layerCompression(mediaType: string): LayerCompression {
  const { base, extensions } = splitExtensions(mediaType);
  const docker = DOCKER_LAYERS.get(base);
  if (docker !== undefined) return extensions.length === 0 ? docker : "none";
  if (!base.startsWith(OCI_LAYER_PREFIX)) {
    throw new ErrNotImplemented(`Cannot tell the compression of "${mediaType}": not a layer media type`);
  }
  const last = extensions.toSorted().at(-1);
  return last === "gzip" || last === "zstd" ? last : "none";
}

function splitExtensions(mediaType: string): { base: string; extensions: string[] } {
  const [base = "", ...extensions] = mediaType.split("+");
  return { base, extensions };
}
