import type { Stats } from "node:fs";
import { chmod, lchown, link, lstat, lutimes, readlink, symlink } from "node:fs/promises";
import { diskError } from "../../disk/disk-error.ts";
import { ErrInvalidArgument, ErrNotImplemented } from "../../errors/classes.ts";
import { type FoundEntry, findBelow } from "../tree/find-below.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { pathBelow } from "../tree/path-below.ts";
import { shownName } from "../unpack/entry-name.ts";
import { fileTimeOf } from "../unpack/file-times.ts";
import type { CrossLink, UnpackOutcome } from "../unpack/unpack-outcome.ts";
import { copyFileWhole } from "./copy-file-whole.ts";

/** What of a layer depends on the layers below it. */
type Dependent = Pick<UnpackOutcome, "implicitParents" | "crossLinks">;

/** The layer that is mended. */
export interface MendedLayer {
  /** Directory with the layer's own files. */
  readonly tree: string;
  /** Directory on the same file system that nothing of the image is in. */
  readonly scratch: string;
}

/** Permissions, without the kind of the file. */
const PERMISSIONS = 0o7777;

/**
 * Gives a layer what it could not know while it was unpacked alone: directories without an entry look as they do below, and
 * a hard link to a file of a lower layer becomes one to a copy of it, as overlayfs copies a file up that is linked.
 * Throws `ErrInvalidArgument` for a link to what is nowhere or is a directory, `ErrNotImplemented` for one to a device, and the
 * classes of `diskError`.
 *
 * @param below the layers below, uppermost first
 */
export async function mendLayer(
  { tree, scratch }: MendedLayer,
  { implicitParents, crossLinks }: Dependent,
  below: readonly LayerTree[],
): Promise<void> {
  const times = await timesAbove(tree, crossLinks);
  const links = new Map<string, Buffer>(); // by what they lead to, and by their names, to which later ones may lead
  for (const crossLink of crossLinks) {
    const { name, target } = crossLink;
    const path = pathBelow(tree, name);
    const existing = links.get(target);
    await onDisk(tree, () => (existing ? link(existing, path) : copyUp(path, crossLink, { below, scratch })));
    links.set(target, existing ?? path).set(name, path);
  }
  for (const [path, stats] of times) await onDisk(tree, () => setTimes(path, stats));
  for (const name of implicitParents.toReversed()) {
    const found = await findBelow(below, name);
    if (found?.stats.isDirectory()) await onDisk(tree, () => lookLike(pathBelow(tree, name), found));
  }
}

/** The directories in which links are made, as they are before: whatever is made in one changes its times. */
async function timesAbove(
  tree: string,
  crossLinks: readonly CrossLink[],
): Promise<ReadonlyMap<Buffer, Stats>> {
  const names = new Set(crossLinks.map(({ name }) => name.slice(0, Math.max(0, name.lastIndexOf("/")))));
  const times = new Map<Buffer, Stats>();
  for (const name of names) {
    const path = pathBelow(tree, name);
    await onDisk(tree, async () => void times.set(path, await lstat(path)));
  }
  return times;
}

async function copyUp(
  path: Buffer,
  { name, target }: CrossLink,
  { below, scratch }: { readonly below: readonly LayerTree[]; readonly scratch: string },
): Promise<void> {
  const found = await findBelow(below, target);
  if (!found || found.stats.isDirectory()) {
    const got = found ? "a directory" : "nothing";
    throw new ErrInvalidArgument(
      `unpack "${shownName(name)}": hard link to "${shownName(target)}": got ${got}, wanted a file`,
    );
  }
  if (found.stats.isSymbolicLink()) {
    await symlink(await readlink(found.path, { encoding: "buffer" }), path);
    await lookLike(path, found);
  } else if (found.stats.isFile()) {
    await copyFileWhole(found.path, path, scratch);
  } else {
    throw new ErrNotImplemented(
      `unpack "${shownName(name)}": hard link to "${shownName(target)}", a device of a lower layer`,
    );
  }
}

/** Owner first: the kernel takes set-user-ID bits away with a change of owner. */
async function lookLike(path: Buffer, { stats }: FoundEntry): Promise<void> {
  await lchown(path, stats.uid, stats.gid);
  if (!stats.isSymbolicLink()) await chmod(path, stats.mode & PERMISSIONS);
  await setTimes(path, stats);
}

async function setTimes(path: Buffer, { atimeMs, mtimeMs }: Stats): Promise<void> {
  await lutimes(path, fileTimeOf(atimeMs / 1_000), fileTimeOf(mtimeMs / 1_000));
}

async function onDisk(tree: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (cause) {
    throw diskError("mend layer", tree, cause);
  }
}
