import { posix } from "node:path";
import { type Digest, isDigest } from "../digest/digest.ts";

/** Files with a meaning of their own: those of an OCI layout (OCI image-spec, image-layout.md) and docker's list of images. */
export const DOCUMENT_NAMES = ["oci-layout", "index.json", "manifest.json"] as const;

/** One of them. */
export type DocumentName = (typeof DOCUMENT_NAMES)[number];

/** What an entry can be by its path. A `file` may be a config or a layer that docker's list calls by this path. */
export type ArchivePath =
  | { readonly kind: "document"; readonly name: DocumentName }
  | { readonly kind: "blob"; readonly path: string; readonly digest: Digest }
  | { readonly kind: "file"; readonly path: string };

/** Longest path that is remembered, in characters. It is never a path on disk, only a key, and keys should be small. */
const MAX_PATH = 1_024;

/**
 * What `name` can be. The same file by any spelling: `./a//b` and `a/./b` are `a/b`. `undefined` for what cannot be a file
 * inside the archive: an empty path, one from the root, one that leads up, and one that is too long.
 */
export function parseArchivePath(name: string): ArchivePath | undefined {
  const path = plainPath(name);
  if (path === undefined) return undefined;
  const document = DOCUMENT_NAMES.find((candidate) => candidate === path);
  if (document !== undefined) return { kind: "document", name: document };
  const [blobs, algorithm = "", hex = "", ...rest] = path.split("/", 4);
  const digest = `${algorithm}:${hex}`;
  if (blobs === "blobs" && rest.length === 0 && isDigest(digest)) return { kind: "blob", path, digest };
  return { kind: "file", path };
}

/** What a config or a layer is called by docker, skopeo, go-containerregistry and bazel. */
const USUAL_NAME = /\.(?:tar|tar\.gz|tgz|tar\.zst|json)$|^sha256:[0-9a-f]{64}$/;

/** What docker before version 1.10 needed of an archive, and everybody else passes over. */
const OUTDATED_NAME = /^repositories$|(?:^|\/)(?:json|VERSION)$/;

/** Whether a file is a config or a layer by its name: `undefined` where the name does not tell. */
export function isImageFile(path: string): boolean | undefined {
  if (USUAL_NAME.test(path)) return true;
  return OUTDATED_NAME.test(path) ? false : undefined;
}

function plainPath(name: string): string | undefined {
  if (name.startsWith("/") || name.length > MAX_PATH) return undefined;
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") ? undefined : parts.join("/");
}

/** Path of a blob in a layout. */
export function blobPathOf(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** The path inside the archive that a symbolic link at `path` leads to; `undefined` when it leads out. */
export function symlinkTarget(path: string, linkName: string): string | undefined {
  const target = posix.normalize(posix.join(posix.dirname(path), linkName));
  return posix.isAbsolute(linkName) || target === ".." || target.startsWith("../") ? undefined : target;
}
