import { createHash } from "node:crypto";
import { readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { namesIn } from "../../disk/names-in.ts";
import { isTemporary, sweepTemporaryFiles, temporaryPath } from "../../disk/temporary-files.ts";

/** Length of a layer's short name, in characters of base64url: 48 bits, checked when it is used again. */
const LINK_CHARS = 8;

/** Directory of the links, in that of all layers. */
const LINKS = "l";

/**
 * A path of a layer's files that is short enough for many of them to be named in one mount: relative to `base`, by a link that is
 * made once. Throws the classes of `diskError`.
 */
export async function linkTo(layer: string, base: string): Promise<string> {
  const target = targetOf(layer, base);
  const name = shortName(layer, base);
  const path = join(base, LINKS, name);
  if ((await linkAt(path)) !== target) await replaceLink(path, target);
  return join(LINKS, name);
}

/** The name that stands for a layer in the options of mounts of many. */
export function shortName(layer: string, base: string): string {
  return createHash("sha256").update(targetOf(layer, base)).digest("base64url").slice(0, LINK_CHARS);
}

function targetOf(layer: string, base: string): string {
  return relative(join(base, LINKS), layer);
}

async function linkAt(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError("read link", path, cause);
  }
}

async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = temporaryPath(path);
  await makeDirectory(join(path, ".."));
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
  } catch (cause) {
    throw diskError("make link", path, cause);
  }
}

/** Removes the links that lead to layers which are gone. Throws the classes of `diskError`. */
export async function sweepShortNames(base: string): Promise<void> {
  const links = join(base, LINKS);
  for (const name of await namesIn(links)) {
    if (!isTemporary(name) && (await isDangling(join(links, name))))
      await rm(join(links, name), { force: true });
  }
  await sweepTemporaryFiles(links);
}

async function isDangling(path: string): Promise<boolean> {
  try {
    await stat(path);
    return false;
  } catch (cause) {
    if (isMissingFile(cause)) return true;
    throw diskError("read link", path, cause);
  }
}
