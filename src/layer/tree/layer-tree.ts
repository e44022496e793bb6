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

/** What is known of the files of a layer beside them. */
export interface LayerNotes extends Hidden {
  /** Directories with extended attributes, which nobody has to look for then. */
  readonly attributed: readonly string[];
}

/** The files of one layer, and what it hides. */
export interface LayerTree {
  /** Directory with the layer's own files. */
  readonly path: string;
  readonly whiteouts: ReadonlySet<string>;
  readonly opaque: ReadonlySet<string>;
  /** Directories with extended attributes. */
  readonly attributed: ReadonlySet<string>;
}

/** Longest lists that are read, in bytes: a million names of ordinary length. */
const MAX_HIDDEN_BYTES = 64 * 1024 * 1024;

const NOTES_FILE = "hidden.json";

/** Keeps what is to be known of a layer in its directory, if that is anything. Throws the classes of `diskError`. */
export async function writeNotes(
  directory: string,
  { whiteouts, opaque, attributed }: LayerNotes,
): Promise<void> {
  if (whiteouts.length + opaque.length + attributed.length === 0) return;
  await writeFileAtomic(join(directory, NOTES_FILE), JSON.stringify({ whiteouts, opaque, attributed }));
}

/**
 * The files of a layer that is there.
 * @param directory the layer's directory
 * @param path where its own files are
 */
export async function readLayerTree(directory: string, path: string): Promise<LayerTree> {
  const notes = await readHint(join(directory, NOTES_FILE), {
    action: "read what a layer hides",
    maxBytes: MAX_HIDDEN_BYTES,
    isHint: isNotes,
  });
  return {
    path,
    whiteouts: new Set(notes?.whiteouts),
    opaque: new Set(notes?.opaque),
    attributed: new Set(notes?.attributed),
  };
}

function isNotes(value: unknown): value is LayerNotes {
  if (typeof value !== "object" || value === null) return false;
  const { whiteouts, opaque, attributed } = value as Partial<LayerNotes>;
  return isTexts(whiteouts) && isTexts(opaque) && isTexts(attributed);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
