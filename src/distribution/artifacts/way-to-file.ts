import type { Stats } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { namesIn } from "../../disk/names-in.ts";
import { ErrAlreadyExists, ErrInvalidArgument } from "../../errors/classes.ts";

/** What files are made for, in messages. */
export const ACTION = "fetch artifact";

/**
 * Makes the directories on the way to a file of an artifact and gives its path. What is there may be from anybody, so nothing is
 * followed: a link might lead out. Throws `ErrInvalidArgument` where something else than a directory is on the way, or than a file at its
 * end, and the classes of `diskError`.
 */
export async function wayToFile(directory: string, path: readonly string[]): Promise<string> {
  const place = await wayTo(directory, path);
  const found = await whatIsAt(place);
  if (found && !found.isFile()) {
    throw new ErrInvalidArgument(`${ACTION}: got ${kindOf(found)} at "${place}", wanted nothing or a file`);
  }
  return place;
}

/** The same for a directory, which must not be there or be empty, or else it throws `ErrAlreadyExists`. */
export async function wayToDirectory(directory: string, path: readonly string[]): Promise<string> {
  const place = await wayTo(directory, path);
  const found = await whatIsAt(place);
  if (found && !found.isDirectory()) {
    throw new ErrAlreadyExists(`${ACTION}: got ${kindOf(found)} at "${place}", wanted nothing`);
  }
  if (found && path.length > 0 && (await namesIn(place)).length > 0)
    throw new ErrAlreadyExists(`${ACTION}: the directory "${place}" is not empty`);
  return place;
}

async function wayTo(directory: string, path: readonly string[]): Promise<string> {
  let at = directory;
  for (const name of path.slice(0, -1)) {
    at = join(at, name);
    await makeOne(at);
    const found = await whatIsAt(at);
    if (found?.isDirectory()) continue;
    throw new ErrInvalidArgument(`${ACTION}: got ${kindOf(found)} at "${at}", wanted a directory`);
  }
  return join(at, ...path.slice(-1));
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw diskError("make directory", path, cause);
  }
}

/** What is at a path, links not followed; `undefined`: nothing. Throws the classes of `diskError`. */
export async function whatIsAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (isMissingFile(cause)) return undefined;
    throw diskError(ACTION, path, cause);
  }
}

function kindOf(found: Stats | undefined): string {
  if (!found) return "nothing";
  if (found.isSymbolicLink()) return "a link";
  if (found.isDirectory()) return "a directory";
  return found.isFile() ? "a file" : "something else";
}
