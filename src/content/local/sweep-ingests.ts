import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { throwIfAborted } from "../../async/abort.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { tryLockFile } from "../../disk/file-lock.ts";
import { LinkedLocks, removeDeadLock } from "../../disk/linked-locks.ts";
import { makeLockDirectory } from "../../disk/make-directory.ts";
import { namesIn } from "../../disk/names-in.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { ingestedBytes } from "../ingested-bytes.ts";
import type { AbandonedIngest, AbandonedOptions } from "../ownership/owned-store.ts";
import { REMOVED_SUFFIX, readIngest, removeIngest } from "./ingest-directory.ts";
import type { Layout } from "./layout.ts";

/**
 * Locks of refs and what they are links to, of blobs, of endpoints and of layers, which killed processes leave: their names end
 * in digits that tell one from the other. Those that stay have names of words.
 */
const PASSING_LOCK = /^(?:[a-z]+-)*(?:sha\d{3}-)?[0-9a-f]{12,}$/;

/**
 * Removes the ingests of a store that nobody is writing: each under the lock of its ref, which a writer
 * holds, so that none is taken from under one. Throws `ErrCanceled`, or the classes of `diskError`.
 */
export async function sweepIngests(
  layout: Layout,
  { isOld, dryRun = false, signal }: AbandonedOptions,
): Promise<readonly AbandonedIngest[]> {
  const found: AbandonedIngest[] = [];
  for (const name of await namesIn(layout.ingest)) {
    throwIfAborted(signal);
    if (name.endsWith(REMOVED_SUFFIX)) {
      if (!dryRun) await rm(join(layout.ingest, name), { recursive: true, force: true });
      continue;
    }
    const ingest = await sweepIngest(layout, name, { isOld, dryRun });
    if (ingest) found.push(ingest);
  }
  if (!dryRun) await sweepLocks(layout.locks);
  return found;
}

/** Finishes the removals that a killed process began. Throws the classes of `diskError`. */
export async function sweepRemoved({ ingest }: Layout): Promise<void> {
  for (const name of await namesIn(ingest)) {
    if (!name.endsWith(REMOVED_SUFFIX)) continue;
    await rm(join(ingest, name), { recursive: true, force: true }).catch(() => {}); // it only takes space
  }
}

/** Ingests whose beginning or removal was broken off. Throws the classes of `diskError`. */
export async function listHalfMade(layout: Layout): Promise<readonly AbandonedIngest[]> {
  const found: AbandonedIngest[] = [];
  for (const name of await namesIn(layout.ingest)) {
    const path = join(layout.ingest, name);
    const isListed = !name.endsWith(REMOVED_SUFFIX) && (await readIngest(path)) !== undefined;
    const left = isListed ? undefined : await halfMade(path, name);
    if (left) found.push({ ref: name, bytes: left.offset });
  }
  return found;
}

async function sweepIngest(
  layout: Layout,
  name: string,
  { isOld, dryRun }: Pick<AbandonedOptions, "isOld" | "dryRun">,
): Promise<AbandonedIngest | undefined> {
  const path = join(layout.ingest, name);
  await makeLockDirectory(layout.locks);
  const release = new LinkedLocks(layout.locks).tryLock(name);
  if (!release) return undefined; // somebody is writing to it
  try {
    const status = (await readIngest(path)) ?? (await halfMade(path, name));
    if (!status || !isOld(status.updatedAtNs)) return undefined;
    if (!dryRun) await removeIngest(path, status.ref);
    return { ref: status.ref, bytes: ingestedBytes(status) };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  } finally {
    release();
  }
}

/** An ingest whose start was broken off, or the file of one that was written whole: it has no ref. */
async function halfMade(
  path: string,
  ref: string,
): Promise<{ ref: string; offset: number; updatedAtNs: bigint } | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    const data = found.isFile() ? found : await stat(join(path, "data")).catch(() => undefined);
    return { ref, offset: Number(data?.size ?? 0), updatedAtNs: found.mtimeNs };
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError("read ingest", path, cause);
  }
}

/** Whoever holds a lock keeps it; the others are files that nobody needs. */
async function sweepLocks(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (!PASSING_LOCK.test(name)) continue;
    const path = join(directory, name);
    if (removeDeadLock(path) === "unlinkable") tryLockFile(path, "exclusive", { removeOnRelease: true })?.();
  }
}
