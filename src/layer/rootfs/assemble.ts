import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, lutimes, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { ErrAlreadyExists } from "../../errors/classes.ts";
import { gnuCopy } from "../tree/gnu-cp.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { pathBelow } from "../tree/path-below.ts";
import { fileTimeOf } from "../unpack/file-times.ts";
import { OPAQUE, WHITEOUT } from "../unpack/whiteout-names.ts";

/**
 * What files share with the layers that they are taken from. `reflink`: their blocks, until one is changed; `hardlink`:
 * everything, so that nobody may change them; `copy`: nothing.
 */
export type Sharing = "reflink" | "hardlink" | "copy";

/** How a root file system is put together. */
export interface AssembleOptions extends AbortOptions {
  /** Default: `reflink` where the file systems can do that, otherwise `copy`. */
  readonly sharing?: Sharing | undefined;
}

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
  await makeDirectory(directory);
  const found = await onDisk(directory, () => readdir(directory));
  if (found.length > 0) throw new ErrAlreadyExists(`${ACTION} "${directory}": it is not empty`);
  try {
    const how = sharing ?? ((await canReflink(layers, directory)) ? "reflink" : "copy");
    for (const layer of layers) {
      throwIfAborted(signal);
      await onDisk(directory, () => makeRoom(layer, directory));
      await gnuCopy([CP_OPTION[how], "--no-target-directory", "--", layer.path, directory], {
        action: ACTION,
        signal,
      });
      await onDisk(directory, () => removeMarks(layer, directory));
    }
  } catch (error) {
    await empty(directory).catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

/** Whether the file system of the layers shares blocks with that of `directory`: it is tried. */
async function canReflink([layer]: readonly LayerTree[], directory: string): Promise<boolean> {
  if (!layer) return false;
  const name = `.reflink-${randomBytes(6).toString("hex")}`;
  const [from, to] = [join(layer.path, "..", name), join(directory, name)];
  try {
    await writeFile(from, "x");
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false; // whatever the reason, copies can be made
  } finally {
    await rm(from, { force: true });
    await rm(to, { force: true });
  }
}

/**
 * Removes what the layer replaces or takes away. First what stands in the way of its own entries: from there on each of its
 * directories is one below `directory` as well, so that no link leads out of it.
 */
async function makeRoom(layer: LayerTree, directory: string): Promise<void> {
  await clearTheWay(Buffer.from(layer.path), Buffer.from(directory));
  for (const name of layer.whiteouts) await remove(pathBelow(directory, name));
  for (const name of layer.opaque) await empty(pathBelow(directory, name));
}

/** Directories are merged; everything else goes that has the name of an entry. */
async function clearTheWay(from: Buffer, to: Buffer): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, encoding: "buffer" })) {
    const target = pathBelow(to, entry.name);
    const existing = await lstat(target).catch(ifMissing);
    if (!existing) continue;
    if (entry.isDirectory() && existing.isDirectory()) await clearTheWay(pathBelow(from, entry.name), target);
    else await remove(target);
  }
}

/**
 * What tells overlayfs, or ourselves, that something is hidden is no part of the image. The directories get back the times
 * that they lose with it.
 */
async function removeMarks(layer: LayerTree, directory: string): Promise<void> {
  const touched = new Set<string>();
  for (const name of layer.whiteouts) {
    const path = pathBelow(directory, name);
    const entry = await lstat(path).catch(ifMissing);
    if (entry?.isCharacterDevice() && entry.rdev === 0) await remove(path);
    await remove(pathBelow(directory, markOf(name)));
    touched.add(directoryOf(name));
  }
  for (const name of layer.opaque) {
    await remove(pathBelow(directory, `${name}/${OPAQUE}`));
    touched.add(name);
  }
  for (const name of touched) {
    const { atimeMs, mtimeMs } = await lstat(pathBelow(layer.path, name));
    await lutimes(pathBelow(directory, name), fileTimeOf(atimeMs / 1_000), fileTimeOf(mtimeMs / 1_000));
  }
}

/** File that says in an archive that `name` is hidden. */
function markOf(name: string): string {
  const at = name.lastIndexOf("/") + 1;
  return `${name.slice(0, at)}${WHITEOUT}${name.slice(at)}`;
}

function directoryOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

async function empty(directory: string | Buffer): Promise<void> {
  const path = Buffer.from(directory);
  const names = await readdir(path, { encoding: "buffer" }).catch(ifMissing);
  for (const name of names ?? []) await remove(pathBelow(path, name));
}

async function remove(path: Buffer): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

function ifMissing(cause: unknown): undefined {
  if (isMissingFile(cause)) return undefined;
  throw cause;
}

async function onDisk<T>(directory: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw diskError(ACTION, directory, cause);
  }
}
