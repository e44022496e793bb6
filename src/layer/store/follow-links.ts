import { readlink } from "node:fs/promises";
import { diskError } from "../../disk/disk-error.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { findBelow } from "../tree/find-below.ts";
import type { LayerTree } from "../tree/layer-tree.ts";
import { directoryOf } from "../tree/path-below.ts";
import { shownName } from "../unpack/entry-name.ts";

/** Most symbolic links that are followed for one path: where Linux stops. */
const MAX_LINKS = 40;

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
  const parts = partsOf(name);
  const links = new Map<ByteString, ByteString>();
  let path = "";
  let followed = 0;
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const step = part === ".." ? above(path) : await enter(layers, path === "" ? part : `${path}/${part}`);
    if ("obstacle" in step) return { path, links, ...step };
    path = step.path;
    if (step.link === undefined) continue;
    if (++followed > MAX_LINKS) return { path, links, obstacle: "it leads through too many symbolic links" };
    links.set(step.path, step.link);
    path = step.link.startsWith("/") ? "" : directoryOf(step.path);
    parts.push(...partsOf(step.link));
  }
  return { path, links };
}

/** Where one part of a path leads. */
type Step =
  | { readonly path: ByteString; readonly link?: ByteString | undefined }
  | { readonly obstacle: string };

function above(path: ByteString): Step {
  return path === "" ? { obstacle: "it leads out, by a symbolic link" } : { path: directoryOf(path) };
}

/** Where nothing is, a directory will be made. */
async function enter(layers: readonly LayerTree[], path: ByteString): Promise<Step> {
  const found = await findBelow(layers, path);
  if (!found || found.stats.isDirectory()) return { path };
  if (found.stats.isSymbolicLink()) return { path, link: await textOf(found.path) };
  return { obstacle: `"${shownName(path)}" is no directory` };
}

/** The last one first. */
function partsOf(path: ByteString): ByteString[] {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .reverse();
}

async function textOf(path: Buffer): Promise<ByteString> {
  try {
    return (await readlink(path, { encoding: "buffer" })).toString("latin1");
  } catch (cause) {
    throw diskError("look into layer", path.toString(), cause);
  }
}
