import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, systemClock } from "../async/clock.ts";

/**
 * Age from which on a temporary file was left by a process that is gone, in milliseconds: each is written in one go, so
 * one that has not changed for so long is finished by nobody.
 */
export const TEMPORARY_KEPT_MS = 10 * 60 * 1000;

/** Bytes of noise in a name, so that no two writers choose the same. */
const NOISE_BYTES = 6;

/** Longest name in a directory, in bytes: Linux's own `NAME_MAX`. */
const MAX_NAME_BYTES = 255;

const TEMPORARY = /^(?<target>.+)\.[0-9a-f]{12}\.tmp$/;

/** The path of a new temporary file, beside the file that it is to become. */
export function temporaryPath(path: string): string {
  return pathBeside(path, `.${randomBytes(NOISE_BYTES).toString("hex")}.tmp`);
}

/**
 * The path of a file beside the one at `path`, whose name ends with `ending` and begins with the other one's, with as much of that as a
 * directory takes.
 */
export function pathBeside(path: string, ending: string): string {
  const name = basename(path);
  const room = MAX_NAME_BYTES - Buffer.byteLength(ending);
  if (Buffer.byteLength(name) <= room) return `${path}${ending}`;
  let beginning = "";
  for (const character of name) {
    if (Buffer.byteLength(beginning + character) > room) break;
    beginning += character;
  }
  return join(dirname(path), `${beginning}${ending}`);
}

/** Whether a path, or a name, is one that `temporaryPath` makes. */
export function isTemporary(path: string): boolean {
  return TEMPORARY.test(basename(path));
}

/** Which temporary files are swept. */
export interface SweepOptions {
  /** Names of files that nobody is writing now, which the caller knows by a lock: what is to become them goes at any age. */
  readonly unwritten?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Removes the temporary files in a directory that killed processes left, by their age. Who was only asleep for so long writes
 * anew, see `writeFileAtomic`. Never throws: what stays takes a little space, until the next time.
 */
export async function sweepTemporaryFiles(directory: string, options: SweepOptions = {}): Promise<void> {
  const { unwritten = [], clock = systemClock } = options;
  for (const name of await readdir(directory).catch(() => [])) {
    const target = TEMPORARY.exec(name)?.groups?.["target"];
    if (target === undefined) continue;
    const path = join(directory, name);
    const isLeft = unwritten.includes(target) || (await ageMs(path, clock)) >= TEMPORARY_KEPT_MS;
    if (isLeft) await rm(path, { force: true }).catch(() => {});
  }
}

/** What is gone, or cannot be looked at, has no age. */
async function ageMs(path: string, clock: Clock): Promise<number> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
  return clock.now() - mtimeMs;
}
