import type { Digest } from "../../digest/digest.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Labels of one blob by key. */
export type Labels = Readonly<Record<string, string>>;

/** Keeps the labels of blobs, which have no place in an OCI layout. */
export interface LabelStore {
  /** All labels of a blob; none for a blob that nobody labelled. */
  get(digest: Digest): Promise<Labels>;
  /** Replaces all labels of a blob; one with an empty value is none. */
  set(digest: Digest, labels: Labels): Promise<void>;
  /** Changes the labels named, in one step; an empty value removes. */
  merge(digest: Digest, labels: Labels): Promise<void>;
}

/** Longest key and value together, in bytes (containerd's limit). */
export const MAX_LABEL_BYTES = 4_096;

/** Throws `ErrInvalidArgument`, in the words of containerd 2, for a label that is too long. */
export function validateLabels(labels: Labels): void {
  for (const [key, value] of Object.entries(labels)) {
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (bytes <= MAX_LABEL_BYTES) continue;
    const shown = key.slice(0, 64);
    throw new ErrInvalidArgument(
      `info.Labels: label key and value length (${bytes} bytes) greater than maximum size (${MAX_LABEL_BYTES} bytes), key: ${shown}`,
    );
  }
}

/**
 * Carries out `Manager.update` on the labels of `digest`. Throws `ErrInvalidArgument` for a path that is neither `labels`
 * nor `labels.<key>`; nothing is changed then.
 */
export async function updateLabels(
  store: LabelStore,
  { digest, labels }: { readonly digest: Digest; readonly labels: Labels },
  fieldpaths: readonly string[],
): Promise<void> {
  const keys = fieldpaths.map((path) => labelKey(path, digest));
  if (keys.length === 0 || keys.includes(undefined)) {
    validateLabels(labels);
    return store.set(digest, labels);
  }
  const named = keys.map((key = "") => [key, Object.hasOwn(labels, key) ? (labels[key] ?? "") : ""] as const);
  const changes = Object.fromEntries(named);
  validateLabels(changes);
  return store.merge(digest, changes);
}

/** The key that a path names; `undefined` for all of them. */
function labelKey(path: string, digest: Digest): string | undefined {
  if (path === "labels") return undefined;
  if (path.startsWith("labels.")) return path.slice("labels.".length);
  throw new ErrInvalidArgument(`cannot update "${path}" field on content info "${digest}"`, { digest });
}
