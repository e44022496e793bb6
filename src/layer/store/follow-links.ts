import { readlink } from "node:fs/promises";
import { diskError } from "../../disk/disk-error.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { type FoundEntry, findBelow } from "../tree/find-below.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { shownName } from "../unpack/entry-name.ts";
import { MAX_DEPTH, PathWalk } from "../unpack/path-walk.ts";

/** Where a path leads in layers together. */
export interface Followed {
  /** The same place by a path without links; what is not there is taken for directories. */
  readonly path: ByteString;
  /** The links on the way: paths and texts. */
  readonly links: ReadonlyMap<ByteString, ByteString>;
  /** Why the path leads nowhere, as the end of a sentence about it. */
  readonly obstacle?: string | undefined;
}

/**
 * Follows a path to a directory from one to the next, as the kernel would in the root file system that `layers`, uppermost first,
 * show together. Throws the classes of `diskError`.
 */
export async function followLinks(layers: readonly LayerTree[], name: ByteString): Promise<Followed> {
  const walk = new PathWalk<ByteString>("", name);
  const links = new Map<ByteString, ByteString>();
  for (let part = walk.next(); part !== undefined; part = walk.next()) {
    const path = walk.directory === "" ? part : `${walk.directory}/${part}`;
    const found = await findBelow(layers, path);
    const text = found?.stats.isSymbolicLink() ? await textOf(found.path) : undefined;
    if (text === undefined) walk.enter(path);
    else links.set(path, text);
    const obstacle = text === undefined ? obstacleAt(found, walk) : obstacleIn(text, walk);
    if (obstacle !== undefined) return { path, links, obstacle };
  }
  return { path: walk.directory, links };
}

/** Where nothing is, a directory will be made. */
function obstacleAt(
  found: FoundEntry | undefined,
  { depth, directory }: PathWalk<ByteString>,
): string | undefined {
  if (found && !found.stats.isDirectory()) return `"${shownName(directory)}" is no directory`;
  return depth > MAX_DEPTH ? `it leads more than ${MAX_DEPTH} directories deep` : undefined;
}

/** Goes where a link leads. */
function obstacleIn(text: ByteString, walk: PathWalk<ByteString>): string | undefined {
  return walk.follow(text) ? undefined : "it leads through too many symbolic links";
}

async function textOf(path: Buffer): Promise<ByteString> {
  try {
    return (await readlink(path, { encoding: "buffer" })).toString("latin1");
  } catch (cause) {
    throw diskError("look into layer", path.toString(), cause);
  }
}
