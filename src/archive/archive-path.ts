import { posix } from "node:path";
import { type Digest, isDigest } from "../digest/digest.ts";

/** Files with a meaning of their own: those of an OCI layout (OCI image-spec, image-layout.md) and docker's list of images. */
export const DOCUMENT_NAMES = ["oci-layout", "index.json", "manifest.json"] as const;

/** One of them. */
export type DocumentName = (typeof DOCUMENT_NAMES)[number];

/** What an entry can be by its path. A `file` is a config or a layer that docker's list may call by this path. */
export type ArchivePath =
  | { readonly kind: "document"; readonly name: DocumentName }
  | { readonly kind: "blob"; readonly path: string; readonly digest: Digest }
  | { readonly kind: "file"; readonly path: string };

/**
 * `<hex>.json`, `<id>/layer.tar` (docker), `<hex>.tar` (skopeo), `<hex>.tar.gz` and `sha256:<hex>` (go-containerregistry).
 * Never a path on disk, only a key: so the bounds are there to keep the keys small and few.
 */
const FILE =
  /^(?!\.\.?\/)(?:(?:[\w.:-]{1,255}\/)?[\w.:-]{1,255}\.(?:tar|tar\.gz|tgz|tar\.zst)|[\w.:-]{1,255}\.json|sha256:[0-9a-f]{64})$/;

/** What `name` can be; `undefined` for everything that an import ignores. */
export function parseArchivePath(name: string): ArchivePath | undefined {
  const path = name.replace(/^(?:\.\/)+/, ""); // `tar -C layout -c .` writes it
  const document = DOCUMENT_NAMES.find((candidate) => candidate === path);
  if (document !== undefined) return { kind: "document", name: document };
  const [blobs, algorithm = "", hex = "", ...rest] = path.split("/", 4);
  const digest = `${algorithm}:${hex}`;
  if (blobs === "blobs" && rest.length === 0 && isDigest(digest)) return { kind: "blob", path, digest };
  return FILE.test(path) ? { kind: "file", path } : undefined;
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
