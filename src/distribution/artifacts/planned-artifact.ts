import { basename } from "node:path";
import { type Digest, isDigest } from "../../digest/digest.ts";
import { ErrInvalidArgument, ErrOutOfRange } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { descriptorToJson } from "../../oci/descriptor-to-json.ts";
import { EMPTY_DESCRIPTOR } from "../../oci/empty-descriptor.ts";
import { checkTogether, pathOfTitle, TITLE } from "../../oci/file-titles.ts";
import { ANY_TYPE, OCI_EMPTY, OCI_MANIFEST } from "../../oci/media-types.ts";
import { MAX_CHILDREN, MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import { isNameOnly, tagNameOnly, trimNamed, withDigest } from "../../reference/derive.ts";
import { parseDockerRef, parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { ArtifactToPush, FileToPush } from "../api/artifacts.ts";

const ACTION = "push artifact";

/** What is needed of the descriptor of a subject. */
export type Subject = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** An artifact of which everything was checked that can be without looking at files. */
export interface PlannedArtifact {
  /** Its name at the registry; without tag and digest it goes there by digest alone. */
  readonly target: NormalizedReference;
  readonly files: readonly PlannedFile[];
  /** What it is about, or what has to be looked up for that. */
  readonly subject: Subject | NormalizedReference | undefined;
}

/** A file, and its descriptor as far as that is known. */
export interface PlannedFile {
  readonly path: string;
  readonly mediaType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What an artifact means. Throws `ErrInvalidArgument` for what it cannot be, and `ErrOutOfRange` for too many files. */
export function plannedArtifact(reference: string, artifact: ArtifactToPush): PlannedArtifact {
  const { files = [], artifactType, config, subject } = artifact;
  if (artifactType === undefined && (!config || config.mediaType === OCI_EMPTY)) {
    throw new ErrInvalidArgument(`${ACTION}: got neither artifactType nor a config of a type of its own`, {
      reference,
    });
  }
  if (files.length + 1 > MAX_CHILDREN) {
    throw new ErrOutOfRange(`${ACTION}: got ${files.length} files, wanted at most ${MAX_CHILDREN - 1}`);
  }
  const planned = files.map(plannedFile);
  checkTogether(
    planned.map(({ annotations: { [TITLE]: title = "" } }) => ({ title, path: pathOfTitle(title) })),
  );
  const target = targetOf(reference, subject !== undefined);
  return { target, files: planned, subject: subjectOf(subject, target) };
}

function plannedFile({
  path,
  title = basename(path),
  mediaType = ANY_TYPE,
  annotations,
}: FileToPush): PlannedFile {
  if (annotations?.[TITLE] !== undefined) {
    throw new ErrInvalidArgument(
      `${ACTION}: file "${path}": got a title in its annotations, wanted it in title`,
    );
  }
  if (pathOfTitle(title).length === 0)
    throw new ErrInvalidArgument(`${ACTION}: file "${path}": got the title "${title}", wanted a name`);
  return { path, mediaType, annotations: { ...annotations, [TITLE]: title } };
}

/** What refers to something else need not have a name. */
function targetOf(reference: string, isReferrer: boolean): NormalizedReference {
  const named = parseNormalizedNamed(reference);
  if (isNameOnly(named) && isReferrer) return named;
  return named.digest === undefined ? tagNameOnly(named) : named;
}

function subjectOf(
  subject: ArtifactToPush["subject"],
  target: NormalizedReference,
): Subject | NormalizedReference | undefined {
  if (typeof subject !== "string") {
    if (!subject) return undefined;
    const { mediaType, digest, size } = subject;
    return { mediaType, digest, size };
  }
  if (isDigest(subject)) return withDigest(trimNamed(target), subject);
  const reference = parseDockerRef(subject);
  if (reference.domain === target.domain && reference.path === target.path) return reference;
  const wanted = `wanted one in ${trimNamed(target).toString()}, where the artifact goes`;
  throw new ErrInvalidArgument(`${ACTION}: got the subject ${reference.toString()}, ${wanted}`, {
    reference: subject,
  });
}

/** What the manifest of an artifact names. */
export interface ManifestParts {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject: Subject | undefined;
  readonly artifact: Pick<ArtifactToPush, "artifactType" | "annotations">;
}

/** The manifest of an artifact (OCI image-spec, manifest.md "Guidelines for Artifact Usage"). Throws `ErrOutOfRange` for one too large. */
export function manifestOf({ config, layers, subject, artifact }: ManifestParts): Uint8Array {
  const { artifactType, annotations = {} } = artifact;
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: descriptorToJson(config),
    layers: (layers.length > 0 ? layers : [EMPTY_DESCRIPTOR]).map(descriptorToJson),
    subject: subject && descriptorToJson(subject),
    annotations: Object.keys(annotations).length > 0 ? annotations : undefined,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  if (bytes.byteLength <= MAX_MANIFEST_BYTES) return bytes;
  const limit = `wanted at most ${MAX_MANIFEST_BYTES}`;
  throw new ErrOutOfRange(`${ACTION}: got a manifest of ${bytes.byteLength} bytes, ${limit}`);
}

/** The name that an artifact has at the registry. */
export function nameOf(target: NormalizedReference, digest: Digest): string {
  return (isNameOnly(target) ? withDigest(target, digest) : target).toString();
}
