import { ErrInvalidArgument, ErrNotImplemented } from "../errors/classes.ts";
import { CONTAINERD_NAME, OCI_NAME } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { asString, fieldsOf } from "../oci/json-field.ts";
import { parseJsonObject } from "../oci/json-object.ts";
import { isIndexType, isManifestType, OCI_INDEX } from "../oci/media-types.ts";
import { parseIndex } from "../oci/parse-document.ts";
import type { FoundImage } from "./found-image.ts";
import { MAX_DOCUMENT_BYTES } from "./unpack-archive.ts";

/** The only version of the layout that there is (OCI image-spec, image-layout.md). */
const LAYOUT_VERSION = "1.0.0";

/** Largest `oci-layout` that is read, in bytes; they have 30. */
const MAX_MARKER_BYTES = 4096;

/** Most entries of an `index.json`: more than its bytes have room for in earnest. */
const MAX_INDEX_ENTRIES = 65_536;

/** What an `index.json` lists. */
export interface LayoutIndex {
  readonly images: readonly FoundImage[];
  /** Entries that are no images. */
  readonly others: readonly Descriptor[];
}

/**
 * The entries that an `index.json` lists beside the marker file `oci-layout`. Throws `ErrInvalidArgument` for documents that are
 * malformed, and for a layout of another version; `ErrNotImplemented` for an entry of another digest algorithm.
 */
export function readLayoutIndex(marker: Uint8Array, index: Uint8Array): LayoutIndex {
  checkMarker(marker);
  const limits = { maxBytes: MAX_DOCUMENT_BYTES, maxChildren: MAX_INDEX_ENTRIES };
  const { manifests, foreign } = parseIndex(index, OCI_INDEX, limits);
  const [other] = foreign;
  if (other !== undefined) {
    throw new ErrNotImplemented(`read index.json: the digest algorithm of ${other} is not supported`);
  }
  return {
    images: manifests.filter(isImage).map(foundImage),
    others: manifests.filter((entry) => !isImage(entry)),
  };
}

function isImage({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

function checkMarker(bytes: Uint8Array): void {
  const key = "imageLayoutVersion";
  const marker = parseJsonObject(bytes, { what: "oci-layout", maxBytes: MAX_MARKER_BYTES, keys: [key] });
  const version = fieldsOf(marker, "").required(key, asString);
  if (version === LAYOUT_VERSION) return;
  throw new ErrInvalidArgument(
    `read oci-layout: got version ${JSON.stringify(version.slice(0, 64))}, wanted ${LAYOUT_VERSION}`,
  );
}

/** containerd's name goes first: docker's and containerd's own exports keep only the tag in OCI's. */
function foundImage({ mediaType, digest, size, annotations }: Descriptor): FoundImage {
  const name = annotations?.[CONTAINERD_NAME] ?? annotations?.[OCI_NAME];
  return { target: { mediaType, digest, size }, name: name === "" ? undefined : name };
}
