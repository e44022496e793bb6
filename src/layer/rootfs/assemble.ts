import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import {
  chmod,
  copyFile,
  lstat,
  lutimes,
  mkdir,
  readdir,
  rename,
  rm,
  rmdir,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { isMissingFile } from "../../disk/disk-error.ts";
import { makeEmptyDirectory } from "../../disk/make-empty-directory.ts";
import { onDisk } from "../../disk/on-disk.ts";
import { isPermissionDenied } from "../../errors/predicates.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { gnuCopy, ownerKeptOut } from "../tree/gnu-cp.ts";
import { copyLooks } from "../tree/gnu-tar.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { directoryOf, pathBelow } from "../tree/path-below.ts";
import { emptyDirectory, letOwnerIn, OWNERS_ALL, removeEntry } from "../tree/remove-tree.ts";
import { fileTimeOf } from "../unpack/file-times.ts";
import { markOf, OPAQUE } from "../unpack/whiteout-names.ts";

/**
 * What files share with the layers that they are taken from. `reflink`: their blocks, until one is changed; `hardlink`:
 * everything, so that nobody may change them; `copy`: nothing.
 */
export type Sharing = "reflink" | "hardlink" | "copy";

/** How a root file system is put together. */
export interface AssembleOptions extends AbortOptions {
  /**
   * What the files share with the layers: see `AssembleImageOptions.sharing`.
   * @defaultValue `reflink` where the file systems can do that, otherwise `copy`
   * @example sharing: "copy"
   */
  readonly sharing?: Sharing | undefined;
}

/** What `chmod` takes. */
const PERMISSIONS = 0o7777;

/** Set-user-ID, set-group-ID and sticky. */
const SPECIAL_BITS = 0o7000;

/** Of directories until their permissions are copied. */
const PRIVATE_MODE = 0o700;

const ACTION = "assemble root file system";

const CP_OPTION: Readonly<Record<Sharing, string>> = {
  reflink: "--reflink=always",
  hardlink: "--link",
  copy: "--reflink=never",
};

/**
 * Makes `directory`, which is missing or empty, the root file system that layers show together, for hosts that cannot mount an
 * overlay. When that fails, what was made is removed. Throws `ErrAlreadyExists` when something is in the directory, as
 * `gnuCopy` does, and the classes of `diskError`.
 *
 * @param layers lowest first
 */
export async function assemble(
  layers: readonly LayerTree[],
  directory: string,
  { sharing, signal }: AssembleOptions = {},
): Promise<void> {
  await makeEmptyDirectory(ACTION, directory);
  try {
    const how = sharing ?? (await onDisk(ACTION, directory, () => findSharing(layers, directory)));
    const attributed = new Set<string>();
    for (const layer of layers) {
      throwIfAborted(signal);
      await withTrees(directory, () => makeRoom(layer, directory, attributed));
      for (const name of layer.attributed) attributed.add(name);
      await gnuCopy([CP_OPTION[how], "--no-target-directory", "--", layer.path, directory], {
        action: ACTION,
        signal,
      });
      await withTrees(directory, () => removeMarks(layer, directory, signal));
    }
  } catch (error) {
    await emptyDirectory(Buffer.from(directory)).catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

/** Whether the file system of the layers shares blocks with that of `directory`: it is tried. */
async function findSharing([layer]: readonly LayerTree[], directory: string): Promise<Sharing> {
  if (!layer) return "copy";
  const name = `.reflink-${randomBytes(6).toString("hex")}`;
  const [from, to] = [join(layer.path, "..", name), join(directory, name)];
  try {
    await writeFile(from, "x");
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return "reflink";
  } catch {
    return "copy"; // whatever the reason, that may be possible
  } finally {
    await rm(from, { force: true });
    await rm(to, { force: true });
  }
}

/**
 * Removes what the layer replaces or takes away. First what stands in the way of its own entries: from there on each of its
 * directories is one below `directory` as well, so that no link leads out of it.
 */
async function makeRoom(layer: LayerTree, directory: string, attributed: ReadonlySet<string>): Promise<void> {
  await forgetSpecialBits(Buffer.from(directory));
  await clearTheWay({ from: Buffer.from(layer.path), to: Buffer.from(directory), name: "" }, attributed);
  for (const name of layer.whiteouts) await removeEntry(pathBelow(directory, name));
  for (const name of layer.opaque) await emptyDirectory(pathBelow(directory, name));
}

/** GNU cp takes them from no directory that is there, and what is made in one with a set-group-ID bit has that as well. */
async function forgetSpecialBits(path: Buffer): Promise<void> {
  await chmod(path, PRIVATE_MODE);
}

/** A directory of a layer, the one that it is merged into, and their name. */
interface Merged {
  readonly from: Buffer;
  readonly to: Buffer;
  readonly name: ByteString;
}

/**
 * Directories are merged; everything else goes that has the name of an entry. So do the attributes that a directory has so far:
 * those of the layer are all that it has.
 */
async function clearTheWay({ from, to, name }: Merged, attributed: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, encoding: "buffer" })) {
    const target = pathBelow(to, entry.name);
    const existing = await lstat(target).catch(ifMissing);
    if (!existing) continue;
    if (!entry.isDirectory() || !existing.isDirectory()) {
      await removeEntry(target);
      continue;
    }
    const below = entry.name.toString("latin1");
    const path = name === "" ? below : `${name}/${below}`;
    if (attributed.has(path)) await renew(target);
    else if ((existing.mode & SPECIAL_BITS) !== 0) await forgetSpecialBits(target);
    else await letOwnerIn(target, existing); // its permissions come again with those of the layer
    await clearTheWay({ from: pathBelow(from, entry.name), to: target, name: path }, attributed);
  }
}

/**
 * What tells overlayfs, or ourselves, that something is hidden is no part of the image. The directories get back the times
 * that they lose with it, and permissions by which their owner could not take it away.
 */
async function removeMarks(
  layer: LayerTree,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const touched = new Set([...layer.whiteouts].map(directoryOf));
  for (const name of layer.opaque) touched.add(name).add(directoryOf(name));
  for (const name of touched) await letIn(pathBelow(directory, name));
  for (const name of layer.whiteouts) {
    const path = pathBelow(directory, name);
    const entry = await lstat(path).catch(ifMissing);
    if (entry?.isCharacterDevice() && entry.rdev === 0) await removeEntry(path);
    await removeEntry(pathBelow(directory, markOf(name)));
  }
  const marked: string[] = [];
  for (const name of layer.opaque) {
    const mark = pathBelow(directory, name === "" ? OPAQUE : `${name}/${OPAQUE}`);
    if (name !== "" && !(await lstat(mark).catch(ifMissing))) marked.push(name);
    await removeEntry(mark);
  }
  // An attribute can only be left behind.
  for (const name of marked.toSorted().toReversed()) await renew(pathBelow(directory, name));
  if (marked.length > 0) await copyLooks({ from: layer.path, to: directory, names: marked, signal });
  for (const name of touched) await lookLike(pathBelow(directory, name), pathBelow(layer.path, name));
}

async function letIn(path: Buffer): Promise<void> {
  await letOwnerIn(path, await lstat(path));
}

/** Gives a directory back what it lost when something in it was removed. */
async function lookLike(path: Buffer, original: Buffer): Promise<void> {
  const { mode, atimeMs, mtimeMs } = await lstat(original);
  if ((mode & OWNERS_ALL) !== OWNERS_ALL) await chmod(path, mode & PERMISSIONS);
  await lutimes(path, fileTimeOf(atimeMs / 1_000), fileTimeOf(mtimeMs / 1_000));
}

/** Makes a directory anew, with everything that is in it. */
async function renew(path: Buffer): Promise<void> {
  const old = Buffer.concat([path, Buffer.from(`.${randomBytes(6).toString("hex")}`)]);
  await rename(path, old);
  await mkdir(path, { mode: PRIVATE_MODE });
  for (const name of await readdir(old, { encoding: "buffer" })) {
    await rename(pathBelow(old, name), pathBelow(path, name));
  }
  await rmdir(old);
}

function ifMissing(cause: unknown): undefined {
  if (isMissingFile(cause)) return undefined;
  throw cause;
}

/** A step that looks into layers, and into what was made of them. */
async function withTrees<T>(directory: string, step: () => Promise<T>): Promise<T> {
  try {
    return await onDisk(ACTION, directory, step);
  } catch (error) {
    throw isPermissionDenied(error) && process.geteuid?.() !== 0 ? ownerKeptOut(ACTION, error) : error;
  }
}
