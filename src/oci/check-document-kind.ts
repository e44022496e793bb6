import { ErrInvalidArgument, ErrNotImplemented } from "../errors/classes.ts";
import { type JsonObject, ownField } from "./json-object.ts";
import { isIndexType, isManifestType, isSchema1Type } from "./media-types.ts";

/** What a document is: an image, or a list of images. */
export type DocumentKind = "manifest" | "index";

interface KindRules {
  readonly isType: (mediaType: string) => boolean;
  readonly other: DocumentKind;
  readonly isOtherType: (mediaType: string) => boolean;
  /** Keys that only the other kind has. */
  readonly otherKeys: readonly string[];
}

const RULES: Readonly<Record<DocumentKind, KindRules>> = {
  manifest: { isType: isManifestType, other: "index", isOtherType: isIndexType, otherKeys: ["manifests"] },
  index: {
    isType: isIndexType,
    other: "manifest",
    isOtherType: isManifestType,
    otherKeys: ["config", "layers"],
  },
};

/**
 * Refuses a media type that is not of `kind`: `ErrNotImplemented` for schema 1, `ErrInvalidArgument` for the rest.
 */
export function checkMediaType(kind: DocumentKind, mediaType: string): void {
  const { isType, isOtherType } = RULES[kind];
  if (isType(mediaType)) return;
  if (isSchema1Type(mediaType)) throw new ErrNotImplemented(`${mediaType} not supported`);
  if (isOtherType(mediaType)) throw wrongKind(kind, mediaType);
  throw new ErrInvalidArgument(`media-type: expected ${kind} but found ${JSON.stringify(mediaType)}`);
}

/**
 * Refuses a document that can be read as something else than the `kind` it was described as (CVE-2021-41190). The rules
 * and texts are containerd's, where a key counts as present whatever its value; beyond them, a `mediaType` field must be
 * the very type that the document was described or served as (OCI distribution-spec, "Pulling manifests"). Throws
 * `ErrNotImplemented` for schema 1 and `ErrInvalidArgument` for everything else.
 */
export function checkDocumentKind(kind: DocumentKind, document: JsonObject, mediaType: string): void {
  if (Object.hasOwn(document, "fsLayers") || ownField(document, "schemaVersion") === 1) {
    throw new ErrNotImplemented("media-type: schema 1 not supported");
  }
  const { isOtherType, otherKeys } = RULES[kind];
  const found = ownField(document, "mediaType") ?? "";
  if (typeof found !== "string") throw new ErrInvalidArgument("media-type: expected a string");
  if (isOtherType(found) || otherKeys.some((key) => Object.hasOwn(document, key)))
    throw wrongKind(kind, found);
  if (found !== "" && found !== mediaType) {
    throw new ErrInvalidArgument(
      `media-type: expected ${mediaType} but found ${JSON.stringify(found.slice(0, 255))}`,
    );
  }
}

function wrongKind(kind: DocumentKind, mediaType: string): ErrInvalidArgument {
  const shown = mediaType.slice(0, 255);
  return new ErrInvalidArgument(`media-type: expected ${kind} but found ${RULES[kind].other} (${shown})`);
}
