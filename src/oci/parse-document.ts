import { checkDocumentKind, checkMediaType, type DocumentKind } from "./check-document-kind.ts";
import { keyShape } from "./check-keys.ts";
import type { Descriptor } from "./descriptor.ts";
import { asToken, type Fields, fieldsOf, invalidField, listOf, type Read } from "./json-field.ts";
import { parseJsonObject } from "./json-object.ts";
import { asAnnotations, DESCRIPTOR_SHAPE, parseDescriptor } from "./parse-descriptor.ts";
import { parseIndexEntry } from "./parse-index-entry.ts";

/**
 * Largest manifest or index that is read, in bytes: containerd's limit (4 * 1048 * 1048), a little above the 4 MiB that
 * the OCI distribution-spec asks every client and registry to support.
 */
export const MAX_MANIFEST_BYTES = 4_393_216;

/**
 * Most children of one document. Every child is a visit, often a request, so the number must not be the author's choice.
 * A document of full size has room for this many of 1 KiB each; docker stops at 127 layers, OCI sets no limit.
 */
export const MAX_CHILDREN = 4096;

/** Bounds for documents that are not a registry's word, such as our own `index.json`. */
export interface DocumentLimits {
  /** Default `MAX_MANIFEST_BYTES`. */
  readonly maxBytes?: number | undefined;
  /** Default `MAX_CHILDREN`. */
  readonly maxChildren?: number | undefined;
}

interface DocumentBase {
  /** The media type that the document was described or served as. */
  readonly mediaType: string;
  readonly artifactType?: string;
  /** The manifest that this one is about (OCI referrers). Never a child. */
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image: docker schema 2 manifest or OCI manifest. */
export interface ImageManifest extends DocumentBase {
  readonly kind: "manifest";
  readonly config: Descriptor;
  /** From the base up. */
  readonly layers: readonly Descriptor[];
}

/** A list of images: docker manifest list or OCI index. */
export interface ImageIndex extends DocumentBase {
  readonly kind: "index";
  readonly manifests: readonly Descriptor[];
  /** The digests of the entries whose algorithm is not one of ours; what they name cannot be had, and need not be. */
  readonly foreign: readonly string[];
}

const SHAPE = keyShape({
  schemaVersion: undefined,
  mediaType: undefined,
  artifactType: undefined,
  config: DESCRIPTOR_SHAPE,
  layers: DESCRIPTOR_SHAPE,
  manifests: DESCRIPTOR_SHAPE,
  fsLayers: undefined,
  subject: DESCRIPTOR_SHAPE,
  annotations: undefined,
});

/**
 * `bytes` as the image manifest that they were described or served as. The digest is the caller's to check. Throws
 * `ErrNotImplemented` for schema 1, `ErrInvalidArgument` for everything that is not exactly one unambiguous, complete
 * manifest within the limits; callers put the digest in front of the message.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, limits?: DocumentLimits): ImageManifest {
  const fields = readDocument("manifest", bytes, { mediaType, limits });
  return {
    kind: "manifest",
    ...baseOf(fields, mediaType),
    config: fields.required("config", parseDescriptor),
    layers: fields.required("layers", listOrNull(parseDescriptor, limits)),
  };
}

/**
 * `bytes` as the image index that they were described or served as. Same terms as `parseManifest`. A manifest without
 * platform, or of a type unknown to us, is an entry like any other. What one entry has that we do not understand does not
 * make the others unreadable: one with another digest algorithm is in `foreign`, one with an odd platform runs nowhere.
 */
export function parseIndex(bytes: Uint8Array, mediaType: string, limits?: DocumentLimits): ImageIndex {
  const fields = readDocument("index", bytes, { mediaType, limits });
  const entries = fields.required("manifests", listOrNull(parseIndexEntry, limits));
  const manifests = entries.filter((entry) => typeof entry !== "string");
  const foreign = entries.filter((entry) => typeof entry === "string");
  return { kind: "index", ...baseOf(fields, mediaType), manifests, foreign };
}

/** What a document consists of, in the order of containerd's `images.Children`: config, then layers; or the manifests. */
export function childrenOf(document: ImageManifest | ImageIndex): readonly Descriptor[] {
  return document.kind === "index" ? document.manifests : [document.config, ...document.layers];
}

function readDocument(
  kind: DocumentKind,
  bytes: Uint8Array,
  { mediaType, limits }: { mediaType: string; limits: DocumentLimits | undefined },
): Fields {
  checkMediaType(kind, mediaType);
  const maxBytes = limits?.maxBytes ?? MAX_MANIFEST_BYTES;
  const document = parseJsonObject(bytes, { what: kind, maxBytes, keys: SHAPE });
  checkDocumentKind(kind, document, mediaType);
  const fields = fieldsOf(document, "");
  fields.optional("schemaVersion", asSchemaVersion2);
  return fields;
}

/** The list has to be there, but Go writes an empty one as `null`. */
function listOrNull<T>(element: Read<T>, limits: DocumentLimits | undefined): Read<readonly T[]> {
  const read = listOf(element, limits?.maxChildren ?? MAX_CHILDREN);
  return (value, path) => (value === null ? [] : read(value, path));
}

function baseOf(fields: Fields, mediaType: string): DocumentBase {
  const artifactType = fields.optional("artifactType", asToken);
  const subject = fields.optional("subject", parseDescriptor);
  const annotations = fields.optional("annotations", asAnnotations);
  return {
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject && { subject }),
    ...(annotations && { annotations }),
  };
}

function asSchemaVersion2(value: unknown, path: string): 2 {
  if (value !== 2) throw invalidField(path, value, "2");
  return value;
}
