import type { Stats } from "node:fs";
import { chmod, lchown, link, lstat, lutimes, mkdir, readlink, symlink, unlink } from "node:fs/promises";
import { forEachWithin } from "../../async/for-each-within.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { type FoundEntry, findBelow } from "../tree/find-below.ts";
import { copyLooks } from "../tree/gnu-tar.ts";
import type { LayerNotes, LayerTree } from "../tree/layer-tree.ts";
import { directoryOf, pathBelow } from "../tree/path-below.ts";
import { shownName } from "../unpack/entry-name.ts";
import { fileTimeOf } from "../unpack/file-times.ts";
import type { CrossLink, UnpackOutcome } from "../unpack/unpack-outcome.ts";
import { markOf } from "../unpack/whiteout-names.ts";
import { copyFileWhole } from "./copy-file-whole.ts";
import { followLinks } from "./follow-links.ts";

/** What of a layer depends on the layers below it. */
type Dependent = Pick<
  UnpackOutcome,
  "implicitParents" | "crossLinks" | "whiteouts" | "opaque" | "attributed"
>;

/** The layer that is mended. */
export interface MendedLayer {
  /** Directory with the layer's own files. */
  readonly tree: string;
  /** Directory on the same file system that nothing of the image is in. */
  readonly scratch: string;
}

/** Whiteouts that are looked at the same time: enough for all threads that Node.js has for files. */
const AT_ONCE = 16;

/** Permissions, without the kind of the file. */
const PERMISSIONS = 0o7777;

/**
 * Gives a layer what it could not know while it was unpacked alone: directories without an entry look as they do below; a hard
 * link to a file of a lower layer takes that file up into this one, as overlayfs does; and what hides nothing goes, because
 * overlayfs lists it where a directory is this layer's alone. Returns what is to be known of it in the end. Throws `ErrInvalidArgument` for
 * a link to what is nowhere or is a directory, and the classes of `diskError`.
 *
 * @param below the layers below, uppermost first
 */
export async function mendLayer(
  layer: MendedLayer,
  dependent: Dependent,
  below: readonly LayerTree[],
): Promise<LayerNotes> {
  const mending = new Mending(layer, dependent, below);
  try {
    return await mending.run();
  } catch (cause) {
    throw diskError("mend layer", layer.tree, cause);
  }
}

/** One layer that is mended. */
class Mending {
  readonly #layer: MendedLayer;
  readonly #dependent: Dependent;
  readonly #below: readonly LayerTree[];
  /** Of directories in which something is made or removed, which changes them: what they were. */
  readonly #times = new Map<ByteString, Promise<Stats>>();
  /** Directories that were made here. */
  readonly #made: ByteString[] = [];
  readonly #attributed: ByteString[] = [];
  /** Names of all hard links. */
  readonly #links: ReadonlySet<ByteString>;
  /** Names of those that were made so far. */
  readonly #linked = new Set<ByteString>();
  /** Names here of files of lower layers, by where those lie. */
  readonly #copies = new Map<string, ByteString>();

  constructor(layer: MendedLayer, dependent: Dependent, below: readonly LayerTree[]) {
    this.#layer = layer;
    this.#dependent = dependent;
    this.#links = new Set(dependent.crossLinks.map(({ name }) => name));
    this.#below = below;
  }

  async run(): Promise<LayerNotes> {
    const { implicitParents, crossLinks, opaque, attributed } = this.#dependent;
    const whiteouts = await this.#dropVainWhiteouts();
    const own = {
      path: this.#layer.tree,
      whiteouts: new Set(whiteouts),
      opaque: new Set(opaque),
      attributed: new Set<ByteString>(),
    };
    for (const crossLink of crossLinks) await this.#link(crossLink, own);
    for (const [name, stats] of this.#times) await setTimes(this.#pathOf(name), await stats);
    for (const name of [...implicitParents, ...this.#made].toReversed()) {
      const found = await findBelow(this.#below, name);
      if (!found?.stats.isDirectory()) continue;
      if (found.layer.attributed.has(name)) await this.#copyLooks(name, found);
      else await lookLike(this.#pathOf(name), found);
    }
    return { whiteouts, opaque, attributed: [...attributed, ...this.#attributed] };
  }

  async #dropVainWhiteouts(): Promise<readonly ByteString[]> {
    const { whiteouts } = this.#dependent;
    const vain = new Set<ByteString>();
    const dropIfVain = async (name: ByteString): Promise<void> => {
      if (await findBelow(this.#below, name)) return;
      vain.add(name);
      await this.#removeMark(name);
    };
    await forEachWithin(whiteouts, dropIfVain, { limit: AT_ONCE });
    return whiteouts.filter((name) => !vain.has(name));
  }

  /** In one of two forms: see `HostAbilities.overlay`. */
  async #removeMark(name: ByteString): Promise<void> {
    await this.#willChange(directoryOf(name));
    for (const path of [name, markOf(name)]) {
      await unlink(this.#pathOf(path)).catch((cause: unknown) => {
        if (!isMissingFile(cause)) throw cause;
      });
    }
  }

  /** Links to the file that was under the target's name when the archive came to the link. */
  async #link({ name, target }: CrossLink, own: LayerTree): Promise<void> {
    const now = await this.#find(target, [own, ...this.#below]);
    const before = await this.#find(target, this.#below);
    // What the layer itself has there now came later, unless it is such a link. Where there was no file, that one is meant.
    const place = this.#linked.has(now.name) || !isFile(before.found) ? now : before;
    const { found } = place;
    if (!isFile(found)) {
      const got = place.obstacle ?? (found ? "it is a directory" : "there is nothing");
      throw new ErrInvalidArgument(
        `unpack "${shownName(name)}": hard link to "${shownName(target)}": ${got}, wanted a file`,
      );
    }
    await this.#willChange(directoryOf(name));
    const known = found.layer === own ? place.name : this.#copies.get(found.path.toString("latin1"));
    if (known !== undefined) await link(this.#pathOf(known), this.#pathOf(name));
    else {
      const isShown = now.found?.path.equals(found.path) === true && !this.#isUnderLink(place.name);
      await this.#takeUp(found, { name, place, isShown });
    }
    this.#linked.add(name);
  }

  /** Makes a file of a lower layer one of this layer, under a new name, and under its own one where that still shows it. */
  async #takeUp(
    found: FoundEntry,
    {
      name,
      place,
      isShown,
    }: {
      readonly name: ByteString;
      readonly place: { readonly name: ByteString };
      readonly isShown: boolean;
    },
  ): Promise<void> {
    await this.#copyUp(found, name);
    this.#copies.set(found.path.toString("latin1"), name);
    if (!isShown) return;
    await this.#makeDirectory(directoryOf(place.name));
    await this.#willChange(directoryOf(place.name));
    await link(this.#pathOf(name), this.#pathOf(place.name));
  }

  /** Whether a hard link has or will have a name, or stands in the way to it. */
  #isUnderLink(name: ByteString): boolean {
    return this.#links.has(name) || (name !== "" && this.#isUnderLink(directoryOf(name)));
  }

  async #find(
    target: ByteString,
    layers: readonly LayerTree[],
  ): Promise<{ name: ByteString; found?: FoundEntry | undefined; obstacle?: string | undefined }> {
    const { path, obstacle } = await followLinks(layers, directoryOf(target));
    const last = target.slice(target.lastIndexOf("/") + 1);
    const name = path === "" ? last : `${path}/${last}`;
    if (obstacle !== undefined) return { name, obstacle };
    return { name, found: await findBelow(layers, name) };
  }

  /** A directory that only lower layers have, and those above it: what is in it there can be seen, so that they all are some. */
  async #makeDirectory(name: ByteString): Promise<void> {
    const path = this.#pathOf(name);
    if (name === "" || (await lstat(path).catch(ifMissing))) return;
    await this.#makeDirectory(directoryOf(name));
    await this.#willChange(directoryOf(name));
    await mkdir(path);
    this.#made.push(name);
  }

  async #copyLooks(name: ByteString, { layer }: FoundEntry): Promise<void> {
    await copyLooks({ from: layer.path, to: this.#layer.tree, names: [name] });
    this.#attributed.push(name);
  }

  async #copyUp(found: FoundEntry, name: ByteString): Promise<void> {
    const path = this.#pathOf(name);
    if (!found.stats.isSymbolicLink()) {
      await copyFileWhole(found.path, path, this.#layer.scratch);
      return;
    }
    await symlink(await readlink(found.path, { encoding: "buffer" }), path);
    await lookLike(path, found);
  }

  /** Something is about to be made or removed in a directory of the layer. */
  async #willChange(name: ByteString): Promise<void> {
    const times = this.#times.get(name) ?? lstat(this.#pathOf(name)); // asked for once, before anything changes
    this.#times.set(name, times);
    await times;
  }

  #pathOf(name: ByteString): Buffer {
    return pathBelow(this.#layer.tree, name);
  }
}

/** Whether there is something that a name can be given to. */
function isFile(found: FoundEntry | undefined): found is FoundEntry {
  return found?.stats.isDirectory() === false;
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

function ifMissing(cause: unknown): undefined {
  if (isMissingFile(cause)) return undefined;
  throw cause;
}
