import { describe, expect, it } from "vitest";
import { ErrInvalidArgument, ErrNotImplemented } from "../../src/errors/classes.ts";
import { checkDocumentKind, checkMediaType, type DocumentKind } from "../../src/oci/check-document-kind.ts";
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
} from "../../src/oci/media-types.ts";

const MANIFESTS = [DOCKER_MANIFEST, OCI_MANIFEST] as const;
const INDEXES = [DOCKER_MANIFEST_LIST, OCI_INDEX] as const;
const EMPTY_VALUES = [null, [], {}, "", 0, false];

describe("checkMediaType()", () => {
  it.each<[DocumentKind, string]>([
    ...MANIFESTS.map((type) => ["manifest", type] as [DocumentKind, string]),
    ...INDEXES.map((type) => ["index", type] as [DocumentKind, string]),
  ])("accepts as %s: %s", (kind, mediaType) => {
    expect(() => checkMediaType(kind, mediaType)).not.toThrow();
  });

  it("names the kind that it found instead", () => {
    expect(() => checkMediaType("manifest", OCI_INDEX)).toThrow(
      new ErrInvalidArgument(`media-type: expected manifest but found index (${OCI_INDEX})`),
    );
    expect(() => checkMediaType("index", DOCKER_MANIFEST)).toThrow(
      new ErrInvalidArgument(`media-type: expected index but found manifest (${DOCKER_MANIFEST})`),
    );
  });

  it.each<DocumentKind>(["manifest", "index"])(
    "says that schema 1 is not supported, asked for a %s",
    (kind) => {
      expect(() => checkMediaType(kind, DOCKER_SCHEMA1_MANIFEST)).toThrow(
        new ErrNotImplemented(`${DOCKER_SCHEMA1_MANIFEST} not supported`),
      );
    },
  );

  it.each(["", "text/html", "application/json"])("refuses %j", (mediaType) => {
    expect(() => checkMediaType("manifest", mediaType)).toThrow(ErrInvalidArgument);
    expect(() => checkMediaType("index", mediaType)).toThrow(ErrInvalidArgument);
  });
});

describe("checkDocumentKind()", () => {
  it("accepts a document with no sign of another kind", () => {
    expect(() => checkDocumentKind("manifest", { config: {}, layers: [] }, OCI_MANIFEST)).not.toThrow();
    expect(() => checkDocumentKind("index", { manifests: [] }, OCI_INDEX)).not.toThrow();
    expect(() => checkDocumentKind("index", {}, DOCKER_MANIFEST_LIST)).not.toThrow();
  });

  it.each([...MANIFESTS, ...INDEXES])("accepts the field %s for exactly that type", (mediaType) => {
    const kind = MANIFESTS.some((type) => type === mediaType) ? "manifest" : "index";
    expect(() => checkDocumentKind(kind, { mediaType }, mediaType)).not.toThrow();
  });

  it.each([null, "", undefined])("takes the field %j for absent", (mediaType) => {
    expect(() => checkDocumentKind("manifest", { mediaType }, OCI_MANIFEST)).not.toThrow();
  });

  it.each(EMPTY_VALUES)("finds a list in a manifest by the key manifests with value %j", (value) => {
    expect(() => checkDocumentKind("manifest", { manifests: value }, OCI_MANIFEST)).toThrow(
      new ErrInvalidArgument("media-type: expected manifest but found index ()"),
    );
  });

  describe.each(["config", "layers"])("with the key %s", (key) => {
    it.each(EMPTY_VALUES)("finds a manifest in a list by value %j", (value) => {
      expect(() => checkDocumentKind("index", { [key]: value }, OCI_INDEX)).toThrow(
        new ErrInvalidArgument("media-type: expected index but found manifest ()"),
      );
    });
  });

  it.each(INDEXES)("finds a list in a manifest by the field %s", (mediaType) => {
    expect(() => checkDocumentKind("manifest", { mediaType }, OCI_MANIFEST)).toThrow(
      new ErrInvalidArgument(`media-type: expected manifest but found index (${mediaType})`),
    );
  });

  it.each(MANIFESTS)("finds a manifest in a list by the field %s", (mediaType) => {
    expect(() => checkDocumentKind("index", { mediaType }, OCI_INDEX)).toThrow(
      new ErrInvalidArgument(`media-type: expected index but found manifest (${mediaType})`),
    );
  });

  describe.each<[DocumentKind, string]>([
    ["manifest", DOCKER_MANIFEST],
    ["index", OCI_INDEX],
  ])("for a %s", (kind, mediaType) => {
    it.each(EMPTY_VALUES)("finds schema 1 by the key fsLayers with value %j", (value) => {
      expect(() => checkDocumentKind(kind, { fsLayers: value, manifests: [] }, mediaType)).toThrow(
        new ErrNotImplemented("media-type: schema 1 not supported"),
      );
    });

    it("finds schema 1 by its version", () => {
      expect(() => checkDocumentKind(kind, { schemaVersion: 1 }, mediaType)).toThrow(ErrNotImplemented);
    });
  });

  it("refuses a field of the same kind that is not the type described", () => {
    expect(() => checkDocumentKind("manifest", { mediaType: DOCKER_MANIFEST }, OCI_MANIFEST)).toThrow(
      new ErrInvalidArgument(`media-type: expected ${OCI_MANIFEST} but found "${DOCKER_MANIFEST}"`),
    );
    expect(() => checkDocumentKind("index", { mediaType: OCI_INDEX }, DOCKER_MANIFEST_LIST)).toThrow(
      ErrInvalidArgument,
    );
  });

  it.each(["text/plain", "application/vnd.oci.image.manifest.v1+JSON", "\u001b[2J"])(
    "refuses the unrelated field %j",
    (mediaType) => {
      expect(() => checkDocumentKind("manifest", { mediaType }, OCI_MANIFEST)).toThrow(ErrInvalidArgument);
    },
  );

  it.each([1, true, [OCI_MANIFEST], {}])("refuses the field %o, which is no string", (mediaType) => {
    expect(() => checkDocumentKind("manifest", { mediaType }, OCI_MANIFEST)).toThrow("expected a string");
  });

  it("does not see what a document merely inherits", () => {
    const document = Object.create({ manifests: [], fsLayers: [] }) as Record<string, unknown>;
    expect(() => checkDocumentKind("manifest", document, OCI_MANIFEST)).not.toThrow();
  });
});
