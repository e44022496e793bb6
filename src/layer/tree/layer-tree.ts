import { join } from "node:path";
import { readHint } from "../../disk/hint-file.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";

/**
 * What a layer takes away of those below, whether or not the host could put that into its files. Names are relative to the
 * root of the image, in the layer's bytes, one character for each (latin1).
 */
export interface Hidden {
  /** Files and directories that are gone. */
  readonly whiteouts: readonly string[];
  /** Directories of which nothing below is to be seen; the empty name is the root. */
  readonly opaque: readonly string[];
}

/** The files of one layer, and what it hides. */
export interface LayerTree {
  /** Directory with the layer's own files. */
  readonly path: string;
  readonly whiteouts: ReadonlySet<string>;
  readonly opaque: ReadonlySet<string>;
}

/** Longest list that is read, in bytes: a million names of ordinary length. */
const MAX_HIDDEN_BYTES = 64 * 1024 * 1024;

const HIDDEN_FILE = "hidden.json";

/** Keeps what a layer hides in its directory, if that is anything. Throws the classes of `diskError`. */
export async function writeHidden(directory: string, hidden: Hidden): Promise<void> {
  if (hidden.whiteouts.length === 0 && hidden.opaque.length === 0) return;
  await writeFileAtomic(join(directory, HIDDEN_FILE), JSON.stringify(hidden));
}

/**
 * The files of a layer that is there.
 * @param directory the layer's directory
 * @param path where its own files are
 */
export async function readLayerTree(directory: string, path: string): Promise<LayerTree> {
  const hidden = await readHint(join(directory, HIDDEN_FILE), {
    action: "read what a layer hides",
    maxBytes: MAX_HIDDEN_BYTES,
    isHint: isHidden,
  });
  return { path, whiteouts: new Set(hidden?.whiteouts), opaque: new Set(hidden?.opaque) };
}

function isHidden(value: unknown): value is Hidden {
  if (typeof value !== "object" || value === null) return false;
  const { whiteouts, opaque } = value as Partial<Hidden>;
  return isTexts(whiteouts) && isTexts(opaque);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
