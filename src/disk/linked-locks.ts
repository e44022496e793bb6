import { randomBytes } from "node:crypto";
import { linkSync, readdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Release } from "../async/keyed-lock.ts";
import { codeOf } from "../errors/code-of.ts";
import { fileIdentity, tryLockFile } from "./file-lock.ts";

/** Beginning of the names of the files that locks are links to; twelve hexadecimal digits follow. */
const SESSION_PREFIX = "session-";

/** Times that a name may be given free and taken again meanwhile; after that it looks taken. */
const MAX_ROUNDS = 8;

/**
 * Exclusive locks on many names in one directory at little more than the price of one. The file of a lock is a hard link to one
 * file that is locked by `tryLockFile` as long as any of the names is: who finds the name taken tries that lock, and so learns
 * whether the holder lives. They exclude `tryLockFile` of the same path, and are excluded by it, in all processes and threads;
 * the kernel gives them back when the process dies. Where links cannot be made, each is a lock file of its own.
 */
export class LinkedLocks {
  readonly #directory: string;
  /** What the names are linked to while any is held. */
  #session: { readonly path: string; readonly release: Release } | undefined;
  #held = 0;

  /** @param directory must be there when a lock is taken */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Takes the lock of the file `name` if it is free, otherwise `undefined`. The release removes the file. Whoever holds it
   * already through this object must not ask again. Throws the classes of `diskError`.
   */
  tryLock(name: string): Release | undefined {
    const path = join(this.#directory, name);
    const session = this.#enter();
    let release: Release | undefined;
    try {
      release = tryLink(session, path);
      return release && this.#releaseOnce(release);
    } finally {
      if (!release) this.#leave();
    }
  }

  #releaseOnce(release: Release): Release {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      release();
      this.#leave();
    };
  }

  /** The file to link to, whose lock is held until everybody who entered has left. */
  #enter(): string {
    this.#session ??= beginSession(this.#directory);
    this.#held++;
    return this.#session.path;
  }

  #leave(): void {
    this.#held--;
    if (this.#held > 0) return;
    this.#session?.release();
    this.#session = undefined;
  }
}

function beginSession(directory: string): { readonly path: string; readonly release: Release } {
  for (;;) {
    const path = newSessionPath(directory);
    const release = tryLockFile(path, "exclusive", { removeOnRelease: true });
    if (release) return { path, release };
  }
}

function newSessionPath(directory: string): string {
  return join(directory, `${SESSION_PREFIX}${randomBytes(6).toString("hex")}`);
}

function tryLink(session: string, path: string): Release | undefined {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const error = link(session, path);
    if (error === undefined) return () => unlinkQuietly(path);
    const left = error === "EEXIST" ? removeDeadLock(path) : "unlinkable";
    if (left === "unlinkable") return tryLockFile(path, "exclusive", { removeOnRelease: true });
    if (left === "held") return undefined;
    if (left === "removed") sweepSessions(dirname(path));
  }
  return undefined;
}

/**
 * Removes the file of a lock whose holder is dead, or of one that nobody has. Its name may change hands at any moment, and lead to the same
 * file again later: which file it is that is locked is only known if that is done by a name that nobody else has. As long as it is
 * locked, nobody else takes the name from the dead. Throws the classes of `diskError`.
 *
 * @returns what there was; `unlinkable` where no links can be made
 */
export function removeDeadLock(path: string): "removed" | "held" | "gone" | "unlinkable" {
  const own = newSessionPath(dirname(path));
  const error = link(path, own);
  if (error !== undefined) return error === "ENOENT" ? "gone" : "unlinkable";
  const release = tryLockFile(own, "exclusive", { removeOnRelease: true });
  if (!release) {
    unlinkQuietly(own);
    return "held";
  }
  try {
    const isMeant = fileIdentity(path) === fileIdentity(own);
    if (isMeant) unlinkQuietly(path);
    return isMeant ? "removed" : "held";
  } finally {
    release();
  }
}

/** Removes what the dead left: other names that lead to such a file keep it. */
function sweepSessions(directory: string): void {
  try {
    for (const name of readdirSync(directory)) {
      if (!name.startsWith(SESSION_PREFIX)) continue;
      tryLockFile(join(directory, name), "exclusive", { removeOnRelease: true })?.();
    }
  } catch {
    // They only take space, and are swept with all other locks one day.
  }
}

/** The code of the failure, if it is one. */
function link(session: string, path: string): string | undefined {
  try {
    linkSync(session, path);
    return undefined;
  } catch (error) {
    return codeOf(error) ?? "UNKNOWN";
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // What stays behind leads to a file that nobody has locked, and serves the next holder as well.
  }
}
