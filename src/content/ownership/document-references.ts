import { type Digest, isDigest } from "../../digest/digest.ts";
import { isIndexType, isManifestType } from "../../oci/media-types.ts";

/** Content, and what the one who named it called it; without a media type the bytes have to tell. */
export interface Referred {
  readonly digest: Digest;
  readonly mediaType?: string | undefined;
  /** Whether the document names it as a layer of an image. */
  readonly isLayer?: boolean | undefined;
}

/** Digests in the text of a document, wherever they stand. */
const ANY_DIGEST = /sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})(?![0-9a-f])/g;

/** Labels by which containerd's garbage collector knows what a blob needs. */
export const NEEDS_LABEL = "containerd.io/gc.ref.content.";

/** Whether content of this type names other content; `undefined` is for the bytes to tell. */
export function isDocumentType(mediaType: string | undefined): boolean {
  return mediaType === undefined || isManifestType(mediaType) || isIndexType(mediaType);
}

/**
 * What a manifest or index needs, whether or not it is a valid one: what is not understood must be kept all
 * the same. `undefined` for bytes that are no JSON object.
 */
export function documentReferences(bytes: Uint8Array): readonly Referred[] | undefined {
  const document = parseObject(bytes);
  if (!document) return undefined;
  const { config, layers, manifests, blobs } = document;
  const listed = [config, ...listOf(manifests), ...listOf(blobs)];
  const ofLayers = listOf(layers).flatMap(referredBy);
  return [...listed.flatMap(referredBy), ...ofLayers.map((layer) => ({ ...layer, isLayer: true }))];
}

/** Every digest in the bytes of a document that is damaged. */
export function digestsIn(bytes: Uint8Array): readonly Referred[] {
  const text = Buffer.from(bytes).toString("latin1");
  return Array.from(text.matchAll(ANY_DIGEST), ([digest]) => ({ digest: digest as Digest }));
}

/** What the labels of a blob say that it needs. */
export function labelledReferences(labels: Readonly<Record<string, string>>): readonly Referred[] {
  return Object.entries(labels)
    .filter(([key, value]) => key.startsWith(NEEDS_LABEL) && isDigest(value))
    .map(([, digest]) => ({ digest: digest as Digest }));
}

/** A JSON value as descriptor, as far as ownership goes. */
export function referredBy(value: unknown): readonly Referred[] {
  if (typeof value !== "object" || value === null) return [];
  const { digest, mediaType } = value as Record<string, unknown>;
  if (typeof digest !== "string" || !isDigest(digest)) return [];
  return [{ digest, ...(typeof mediaType === "string" && { mediaType }) }];
}

/** The object that the bytes hold, if they do. */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The elements of a list; nothing where there is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
