import type { Dirent } from "node:fs";
import { lstat, mkdtemp, opendir, readdir, readlink, rename } from "node:fs/promises";
import { join } from "node:path";
import { throwIfAborted } from "../../async/abort.ts";
import { onDisk } from "../../disk/on-disk.ts";
import { syncDirectory } from "../../disk/write-file-atomic.ts";
import { ErrAlreadyExists, ErrInvalidArgument } from "../../errors/classes.ts";
import { extractImage } from "../../layer/reading/extract-image.ts";
import type { ReadableLayer } from "../../layer/reading/readable-layer.ts";
import { pathBelow } from "../../layer/tree/path-below.ts";
import { removeTree } from "../../layer/tree/remove-tree.ts";
import { DEFAULT_LIMITS } from "../../layer/unpack/unpack-limits.ts";
import { shownTitle, type TitledLayer } from "../../oci/file-titles.ts";
import { type ByteString, textOf } from "../../tar/byte-string.ts";
import { ACTION, wayToDirectory, whatIsAt } from "./way-to-file.ts";

/** Bits of a mode that make a program run as somebody else. */
const SET_ID_BITS = 0o6000;

/** What a rename of a directory says of what is in its way. */
const IN_THE_WAY: ReadonlySet<string> = new Set(["ENOTEMPTY", "EEXIST", "ENOTDIR"]);

/** A directory of an artifact that is to be made. */
export interface DirectoryToMake {
  /** Into which everything of the artifact goes. */
  readonly directory: string;
  readonly titled: TitledLayer;
  readonly signal: AbortSignal;
}

/**
 * Makes a directory of an archive all of whose names begin with its title, as oras writes it: beside the place where it is to be, and
 * there only when all of it is made. Gives its path, and what of it this host could not make. Throws as `extractImage` does,
 * `ErrInvalidArgument` for names that do not begin so, for links that may lead out of the directory, for devices and the like and for programs that
 * run as somebody else, and `ErrAlreadyExists` where something is in the way.
 *
 * @param open the archive, compressed or not
 */
export async function unpackDirectory(
  open: ReadableLayer["open"],
  { directory, titled, signal }: DirectoryToMake,
): Promise<{ readonly path: string; readonly missing: readonly string[] }> {
  const { layer, archive: diffId, path } = titled;
  const place = await wayToDirectory(directory, path);
  const scratch = await onDisk(ACTION, directory, () => mkdtemp(join(directory, ".drayage-")));
  try {
    const made = join(scratch, "made");
    const layers = [{ digest: layer.digest, diffId, open }];
    const { missing } = await extractImage(layers, made, {
      limits: DEFAULT_LIMITS,
      followsLinks: false,
      refusesWhiteouts: true,
      signal,
    });
    await checkBeginnings(made, titled);
    const root = join(made, ...path);
    await checkTree(root, titled, signal);
    await onDisk(ACTION, place, () => moveInto(root, place, path));
    return { path: place, missing };
  } finally {
    await removeTree(scratch);
  }
}

/** Whether on the way to the title there is nothing beside it. */
async function checkBeginnings(made: string, { path, title }: TitledLayer): Promise<void> {
  let at = made;
  for (const name of path) {
    const names = await onDisk(ACTION, at, () => readdir(at));
    const stray = names.find((one) => one !== name);
    if (stray !== undefined) throw refused(title, stray, "a name that does not begin with the title");
    if (names.length === 0) throw refused(title, name, "nothing");
    at = join(at, name);
    const found = await onDisk(ACTION, at, () => lstat(at));
    if (!found.isDirectory()) throw refused(title, name, "no directory");
  }
}

/** Looks at everything below `root`. Names need not be UTF-8. */
async function checkTree(root: string, { title }: TitledLayer, signal: AbortSignal): Promise<void> {
  const visit = async (below: ByteString): Promise<void> => {
    for await (const entry of await opendir(pathBelow(root, below), { encoding: "latin1" })) {
      throwIfAborted(signal);
      const name = `${below}${entry.name}`;
      if (entry.isDirectory()) await visit(`${name}/`);
      else await checkEntry(name, entry);
    }
  };
  const checkEntry = async (name: ByteString, entry: Dirent): Promise<void> => {
    const path = pathBelow(root, name);
    if (entry.isSymbolicLink()) {
      const target = await readlink(path, { encoding: "buffer" });
      if (mayLeadOut(name, target.toString("latin1")))
        throw refused(title, textOf(name), "a link that may lead out of the directory");
    } else if (!entry.isFile()) {
      throw refused(title, textOf(name), "neither file nor directory nor link");
    } else if (((await lstat(path)).mode & SET_ID_BITS) !== 0) {
      throw refused(title, textOf(name), "a program that runs as somebody else");
    }
  };
  await onDisk(ACTION, root, () => visit(""));
}

/**
 * Whether a link may lead out. It goes up from its own directory by the `..` at its beginning; one further on goes up from wherever
 * a link before it leads, which its text does not tell. Whoever only goes down stays in, whatever links he meets, as these do.
 */
function mayLeadOut(name: ByteString, target: ByteString): boolean {
  const depth = name.split("/").length - 1;
  const names = target.split("/").filter((one) => one !== "" && one !== ".");
  const down = names.findIndex((one) => one !== "..");
  const up = down === -1 ? names.length : down;
  return target.startsWith("/") || up > depth || names.lastIndexOf("..") >= up;
}

/** Puts a directory in its place; that of an artifact itself is there already, so all in it goes there. */
async function moveInto(root: string, place: string, path: readonly string[]): Promise<void> {
  if (path.length > 0) {
    await renameTo(root, place);
    await syncDirectory(join(place, ".."));
    return;
  }
  const names = await readdir(root);
  for (const name of names) await assertNothingAt(join(place, name));
  for (const name of names) await rename(join(root, name), join(place, name));
  await syncDirectory(place);
}

/** Somebody else may have made it meanwhile. */
async function renameTo(root: string, place: string): Promise<void> {
  try {
    await rename(root, place);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (!IN_THE_WAY.has(code)) throw cause;
    throw new ErrAlreadyExists(`${ACTION}: got something at "${place}", wanted nothing`, { cause });
  }
}

async function assertNothingAt(path: string): Promise<void> {
  if (await whatIsAt(path))
    throw new ErrAlreadyExists(`${ACTION}: got something at "${path}", wanted nothing`);
}

function refused(title: string, name: string, got: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`unpack directory ${shownTitle(title)}: got ${got} at ${shownTitle(name)}`);
}
