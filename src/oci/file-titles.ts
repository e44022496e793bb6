import { type Digest, parseDigest } from "../digest/digest.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { plainText } from "../errors/plain-text.ts";
import type { Descriptor } from "./descriptor.ts";

/** What a layer of an artifact is called as a file (OCI image-spec, annotations.md). */
export const TITLE = "org.opencontainers.image.title";

/** Says with `true` that a layer is a directory in a tar archive, all of whose names begin with the title (oras). */
const UNPACK = "io.deis.oras.content.unpack";

/** Digest of such an archive without its compression (oras). */
const ARCHIVE_DIGEST = "io.deis.oras.content.digest";

/** Longest title, in bytes: Linux's own `PATH_MAX`. */
const MAX_TITLE_BYTES = 4_095;

/** Longest name in it, in bytes: Linux's own `NAME_MAX`. */
const MAX_NAME_BYTES = 255;

/** How much of a title a message shows, in characters. */
const MAX_SHOWN_CHARS = 256;

/** What files are called that are written beside others until they are complete: one of that name would be taken for such a file. */
const BESIDE_OTHERS = /\.[0-9a-f]{12}\.(?:partial(?:\.lock)?|tmp)$/i;

/** A layer of an artifact that is a file, or a directory, by its title. */
export interface TitledLayer<Layer extends Descriptor = Descriptor> {
  readonly layer: Layer;
  /** As its author wrote it. */
  readonly title: string;
  /** Names on the way to it, one for each directory and its own; none for the directory itself into which all go. */
  readonly path: readonly string[];
  /** Whether it is an archive of a directory, and not a file. */
  readonly isDirectory: boolean;
  /** Digest of that archive without its compression, where its author tells it. */
  readonly archive?: Digest | undefined;
}

/**
 * What the layers of an artifact are called. Those without a title are left out. Throws `ErrInvalidArgument` for a title that leads
 * out of a directory, or might on any system, or is none that a file can have.
 */
export function titledLayers<Layer extends Descriptor>(
  layers: readonly Layer[],
): readonly TitledLayer<Layer>[] {
  return layers.flatMap((layer) => {
    const { [TITLE]: title, [UNPACK]: unpack, [ARCHIVE_DIGEST]: archive } = layer.annotations ?? {};
    if (title === undefined) return [];
    const isDirectory = unpack === "true";
    const path = pathOfTitle(title);
    if (path.length === 0 && !isDirectory) throw refused(title, "the directory itself, wanted a file in it");
    const known = isDirectory && archive !== undefined && archive !== "" ? parseDigest(archive) : undefined;
    return [{ layer, title, path, isDirectory, ...(known && { archive: known }) }];
  });
}

/**
 * The names of a title: `./a//b` is `a`, `b`. Throws `ErrInvalidArgument` for an absolute title, one with `..`, and what only another
 * system understands so: a backslash, a drive; for characters that no name should have, and for what is too long.
 */
export function pathOfTitle(title: string): readonly string[] {
  if (title === "") throw refused(title, "no name");
  const bytes = Buffer.byteLength(title);
  if (bytes > MAX_TITLE_BYTES) throw refused(title, `${bytes} bytes, wanted at most ${MAX_TITLE_BYTES}`);
  if (!title.isWellFormed()) throw refused(title, "what is no Unicode text");
  if (/\p{Cc}/u.test(title)) throw refused(title, "control characters in it");
  if (title.includes("\\")) throw refused(title, "a backslash in it, which is a separator on some systems");
  if (/^[a-z]:/i.test(title)) throw refused(title, "a drive, wanted a path below the directory");
  if (title.startsWith("/")) throw refused(title, "an absolute path, wanted one below the directory");
  const names = title.split("/").filter((name) => name !== "" && name !== ".");
  for (const name of names) checkName(title, name);
  return names;
}

function checkName(title: string, name: string): void {
  if (name === "..") throw refused(title, "a path that leads up, wanted one below the directory");
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_NAME_BYTES)
    throw refused(title, `a name of ${bytes} bytes, wanted at most ${MAX_NAME_BYTES}`);
  if (BESIDE_OTHERS.test(name)) throw refused(title, "the name of a file that is not complete");
}

/**
 * Checks that titles can be in one directory together, also where large and small letters are the same to a file system. Throws
 * `ErrInvalidArgument` for two of the same name, and for one that is a directory on the way to another one.
 */
export function checkTogether(titled: readonly Pick<TitledLayer, "title" | "path">[]): void {
  const taken = new Map<string, string>();
  for (const { title, path } of titled) {
    const key = keyOf(path);
    const other = taken.get(key);
    if (other !== undefined) throw refused(title, `the name of another file, ${shownTitle(other)}`);
    taken.set(key, title);
  }
  for (const { title, path } of titled) {
    for (let length = 0; length < path.length; length++) {
      const above = taken.get(keyOf(path.slice(0, length)));
      if (above !== undefined) throw refused(title, `a path through another file, ${shownTitle(above)}`);
    }
  }
}

/** Equal for paths that some file system takes for the same. */
function keyOf(path: readonly string[]): string {
  return path.map((name) => name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFD")).join("/");
}

/** A title, or a name below it, as a message may show it. */
export function shownTitle(title: string): string {
  return JSON.stringify(plainText(title, MAX_SHOWN_CHARS));
}

/** The error of a title that no file may have. */
function refused(title: string, got: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`title ${shownTitle(title)}: got ${got}`);
}
