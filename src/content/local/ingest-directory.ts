import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { chmod, readFile, rename, rm, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { nowNs } from "../../async/wall-clock.ts";
import type { Digester } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { syncDirectory, writeFileAtomic } from "../../disk/write-file-atomic.ts";
import { ErrAborted, ErrNotFound } from "../../errors/classes.ts";
import { codeOf } from "../../errors/code-of.ts";
import { formatRfc3339, parseRfc3339 } from "../rfc3339.ts";
import type { Status } from "../store.ts";
import { DataFile } from "./data-file.ts";
import { hashFile } from "./hash-file.ts";
import { cutUnknown } from "./ingest-parts.ts";
import { type Held, type HeldOnDisk, NOTHING_HELD, readHeld } from "./parts-file.ts";
import type { Unsynced } from "./unsynced.ts";

/** Ending of an ingest directory on its way out. What a killed process leaves is swept when a store is opened. */
export const REMOVED_SUFFIX = ".removed";

/** Files that are removed one by one: an ingest whose data has left it holds no more. */
const MAX_FILES = 8;

/** What an ingest is opened for. */
export interface IngestRequest extends AbortOptions {
  readonly ref: string;
  /** Announced size in bytes, 0 when unknown. */
  readonly total: number;
  /** Knows whose data the disk did not take. */
  readonly unsynced: Unsynced;
  /** Is fed the bytes that are there already; `undefined` leaves them unread. */
  readonly digester: Digester | undefined;
  /** Called before that, which takes as long as there are bytes. */
  readonly onResume: () => void;
}

/** An ingest whose data file is open for writing. The holder closes the file. */
export interface OpenIngest {
  readonly path: string;
  readonly file: DataFile;
  readonly status: Omit<Status, keyof ReturnType<typeof toStatus>>;
  /** Which bytes it has. */
  readonly held: HeldOnDisk;
}

/**
 * Opens the ingest directory at `path` where it stands; one that is half-made, or belongs to another ref or size, is
 * made anew and empty. The caller holds the ref's lock. Throws the classes of `diskError`, or `ErrCanceled`.
 */
export async function openIngest(path: string, request: IngestRequest): Promise<OpenIngest> {
  const found = await readIngest(path);
  if (found && mayResume(found, request)) {
    request.onResume();
    const resumed = await resumeIngest(path, found, request);
    if (resumed) return resumed;
  }
  request.unsynced.forget(path);
  return startIngest(path, request);
}

/**
 * What the files at `path` tell, or `undefined` when there is no ingest: none at all, one that is half-made, or one that
 * vanishes meanwhile. Throws the classes of `diskError`.
 */
export async function readIngest(path: string): Promise<Status | undefined> {
  try {
    if (!statSync(`${path}${sep}ref`, { throwIfNoEntry: false })) return undefined; // as of nearly all that are opened
    // Only regular files: to read a named pipe is to wait for ever.
    const files = await Promise.all([stat(join(path, "ref")), stat(join(path, "data"))]);
    if (!files.every((file) => file.isFile())) return undefined;
    const [ref, data, started, updated, total] = await Promise.all([
      readFile(join(path, "ref"), "utf8"),
      stat(join(path, "data"), { bigint: true }),
      readOptional(join(path, "startedat")),
      readOptional(join(path, "updatedat")),
      readOptional(join(path, "total")),
    ]);
    const recordedNs = parseRfc3339(updated) ?? 0n;
    return {
      ref,
      ...toStatus(readHeld(path, () => statSync(join(path, "data")).size).held),
      total: /^\d+$/.test(total) ? Number(total) : 0,
      startedAtNs: parseRfc3339(started) ?? data.birthtimeNs,
      updatedAtNs: recordedNs > data.mtimeNs ? recordedNs : data.mtimeNs,
    };
  } catch (cause) {
    if (isMissingFile(cause) || isNoIngest(cause)) return undefined;
    throw diskError("read ingest", path, cause);
  }
}

/** What a status tells of the bytes. */
export function toStatus({ offset, parts }: Held): Pick<Status, "offset" | "parts"> {
  return { offset, ...(parts.length > 0 && { parts }) };
}

/** Whether what lies there has another shape than an ingest, so that it can only be passed over. */
function isNoIngest(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOTDIR" || code === "EISDIR" || code === "ELOOP";
}

/** Writes down when the ingest was last written, and makes its names durable. Throws the classes of `diskError`. */
export async function recordUpdate(path: string, updatedAtNs: bigint): Promise<void> {
  await syncDirectory(join(path, "ref"));
  await writeFileAtomic(join(path, "updatedat"), formatRfc3339(updatedAtNs));
}

/**
 * Removes an ingest, in one step for everybody else: its name is free at once. A writer that has it open finds out at
 * commit. Throws `ErrNotFound`, or the classes of `diskError`.
 */
export async function removeIngest(path: string, ref: string): Promise<void> {
  const doomed = `${path}.${randomBytes(6).toString("hex")}${REMOVED_SUFFIX}`;
  try {
    await rename(path, doomed);
    await rm(doomed, { recursive: true, force: true });
  } catch (cause) {
    if (isMissingFile(cause)) throw new ErrNotFound(`ref ${ref}: not found`, { cause });
    throw diskError("remove ingest", path, cause);
  }
}

/**
 * Removes the directory of an ingest whose data has become a blob, at once: handing each name to another thread costs more.
 * Throws the file system's errors.
 */
export async function removeEmptied(path: string): Promise<void> {
  try {
    const names = readdirSync(path);
    if (names.length <= MAX_FILES) {
      for (const name of names) unlinkSync(join(path, name));
      rmdirSync(path);
      return;
    }
  } catch {
    // Somebody else is removing it, or put something there: what is left is looked at anew.
  }
  await rm(path, { recursive: true, force: true });
}

function mayResume(found: Status, { ref, total }: IngestRequest): boolean {
  return found.ref === ref && (found.total === 0 || total === 0 || found.total === total);
}

async function resumeIngest(
  path: string,
  found: Status,
  { digester, signal, unsynced }: IngestRequest,
): Promise<OpenIngest | undefined> {
  const data = join(path, "data");
  let file: DataFile | undefined;
  try {
    await makeWritable(data);
    await unsynced.rewrite(path);
    file = new DataFile(data, "r+");
    const { offset: _, parts: __, ...status } = found;
    const held = cutUnknown(path, file);
    if (digester) await hashFile(file, digester, { signal, length: held.held.offset });
    return { path, file, held, status };
  } catch (cause) {
    file?.close();
    if (isMissingFile(cause)) return undefined; // aborted a moment ago
    throw diskError("resume ingest", path, cause);
  }
}

/** A commit that was killed right before its end leaves the data read-only. */
async function makeWritable(data: string): Promise<void> {
  const { mode } = await stat(data);
  if ((mode & 0o200) === 0) await chmod(data, (mode & 0o777) | 0o200);
}

/**
 * `ref` comes last and whole: a directory without it is half-made. Small files are written at once, because that costs less
 * than handing them to another thread.
 */
async function startIngest(path: string, { ref, total }: IngestRequest): Promise<OpenIngest> {
  const now = nowNs();
  let file: DataFile | undefined;
  try {
    if (!isMade(path)) await makeAnew(path);
    file = new DataFile(join(path, "data"), "wx+");
    writeFileSync(join(path, "startedat"), formatRfc3339(now));
    writeFileSync(join(path, "updatedat"), formatRfc3339(now));
    if (total > 0) writeFileSync(join(path, "total"), String(total));
    writeFileSync(join(path, "ref.tmp"), ref);
    renameSync(join(path, "ref.tmp"), join(path, "ref"));
  } catch (cause) {
    file?.close();
    if (isMissingFile(cause)) throw new ErrAborted(`ref ${ref} was aborted`, { cause });
    throw diskError("start ingest", path, cause);
  }
  const held: HeldOnDisk = { held: NOTHING_HELD, isWrittenDown: false };
  return { path, file, held, status: { ref, total, startedAtNs: now, updatedAtNs: now } };
}

/** Makes a directory where there is none, and the one above is there. */
function isMade(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch {
    return false;
  }
}

async function makeAnew(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await makeDirectory(path);
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissingFile(error)) return "";
    throw error;
  }
}
