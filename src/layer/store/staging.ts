import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Release } from "../../async/keyed-lock.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { tryLockFile } from "../../disk/file-lock.ts";
import { makeDirectory, makeLockDirectory } from "../../disk/make-directory.ts";
import { namesIn } from "../../disk/names-in.ts";
import { ErrInternal } from "../../errors/classes.ts";
import { removeTree } from "../tree/remove-tree.ts";
import type { LayerLayout } from "./layer-layout.ts";

/** Nobody but the owner may look into a layer: it may hold programs that run as somebody else. */
const PRIVATE_MODE = 0o700;

/** A directory that nobody else sees as a layer, held by this process until it is published or removed. */
export class StagedDirectory {
  readonly path: string;
  readonly #release: Release;

  /** @param release gives back the lock that says that somebody works here */
  constructor(path: string, release: Release) {
    this.path = path;
    this.#release = release;
  }

  /** Renames it to `target`, whose parent directory is there. Throws the classes of `diskError`. */
  async publish(target: string): Promise<void> {
    try {
      await rename(this.path, target);
    } catch (cause) {
      throw diskError("publish layer", target, cause);
    }
    this.#release();
  }

  /** Removes it with everything in it. Throws the classes of `diskError`; what stays goes at the next start. */
  async remove(): Promise<void> {
    try {
      await removeTree(this.path);
    } finally {
      this.#release();
    }
  }
}

/** Makes an empty directory to work in. Throws the classes of `diskError`. */
export async function stageDirectory(layout: LayerLayout): Promise<StagedDirectory> {
  const staged = await reserve(layout);
  try {
    await mkdir(staged.path, { mode: PRIVATE_MODE });
    await forgetGroup(staged.path);
    return staged;
  } catch (cause) {
    await staged.remove();
    throw diskError("stage layer", staged.path, cause);
  }
}

/** In a directory with a set-group-ID bit, which may be somewhere above, all that is made has its group, and the bit itself. */
async function forgetGroup(path: string): Promise<void> {
  await chown(path, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  await chmod(path, PRIVATE_MODE);
}

/** Takes what lies at `path` out of sight by one renaming; `undefined` when nothing lies there. Throws as `stageDirectory` does. */
export async function stageAway(layout: LayerLayout, path: string): Promise<StagedDirectory | undefined> {
  const staged = await reserve(layout);
  try {
    await rename(path, staged.path);
    return staged;
  } catch (cause) {
    await staged.remove();
    if (isMissingFile(cause)) return undefined;
    throw diskError("remove layer", path, cause);
  }
}

/** Removes what killed processes have left. Returns how many directories went. Throws the classes of `diskError`. */
export async function sweepStaging(layout: LayerLayout): Promise<number> {
  let swept = 0;
  for (const name of await namesIn(layout.staging)) {
    await makeLockDirectory(layout.locks);
    const release = tryLockFile(layout.stagingLockPath(name), "exclusive", { removeOnRelease: true });
    if (!release) continue;
    await new StagedDirectory(join(layout.staging, name), release).remove();
    swept++;
  }
  return swept;
}

/** Makes the directory in which all half-made layers are, if it is not there. Throws the classes of `diskError`. */
async function makeStaging(layout: LayerLayout): Promise<void> {
  await makeDirectory(layout.staging, { mode: PRIVATE_MODE });
}

/** A name of its own below `staging`, and its lock; nothing lies there yet. */
async function reserve(layout: LayerLayout): Promise<StagedDirectory> {
  await makeStaging(layout);
  await makeLockDirectory(layout.locks);
  const name = randomBytes(8).toString("hex");
  const release = tryLockFile(layout.stagingLockPath(name), "exclusive", { removeOnRelease: true });
  if (!release) throw new ErrInternal(`stage layer: the random name ${name} is taken`);
  return new StagedDirectory(join(layout.staging, name), release);
}
