import { randomBytes } from "node:crypto";
import { chmod, type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { nowNs } from "../../async/wall-clock.ts";
import type { Digester } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { syncDirectory, writeFileAtomic } from "../../disk/write-file-atomic.ts";
import { ErrAborted, ErrNotFound } from "../../errors/classes.ts";
import { formatRfc3339, parseRfc3339 } from "../rfc3339.ts";
import type { Status } from "../store.ts";
import { hashFile } from "./hash-file.ts";
import type { Unsynced } from "./unsynced.ts";

/** Ending of an ingest directory on its way out. What a killed process leaves is swept when a store is opened. */
export const REMOVED_SUFFIX = ".removed";

/** What an ingest is opened for. */
export interface IngestRequest extends AbortOptions {
  readonly ref: string;
  /** Announced size in bytes, 0 when unknown. */
  readonly total: number;
  /** Knows whose data the disk did not take. */
  readonly unsynced: Unsynced;
  /** Is fed the bytes that are there already. */
  readonly digester: Digester;
}

/** An ingest whose data file is open for writing at `status.offset`. The holder closes the file. */
export interface OpenIngest {
  readonly path: string;
  readonly file: FileHandle;
  readonly status: Status;
}

/**
 * Opens the ingest directory at `path` where it stands; one that is half-made, or belongs to another ref or size, is
 * made anew and empty. The caller holds the ref's lock. Throws the classes of `diskError`, or `ErrCanceled`.
 */
export async function openIngest(path: string, request: IngestRequest): Promise<OpenIngest> {
  const found = await readIngest(path);
  if (found && mayResume(found, request)) {
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
      offset: Number(data.size),
      total: /^\d+$/.test(total) ? Number(total) : 0,
      startedAtNs: parseRfc3339(started) ?? data.birthtimeNs,
      updatedAtNs: recordedNs > data.mtimeNs ? recordedNs : data.mtimeNs,
    };
  } catch (cause) {
    if (isMissingFile(cause) || isNoIngest(cause)) return undefined;
    throw diskError("read ingest", path, cause);
  }
}

/** Whether what lies there has another shape than an ingest, so that it can only be passed over. */
function isNoIngest(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
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

function mayResume(found: Status, { ref, total }: IngestRequest): boolean {
  return found.ref === ref && (found.total === 0 || total === 0 || found.total === total);
}

async function resumeIngest(
  path: string,
  found: Status,
  { digester, signal, unsynced }: IngestRequest,
): Promise<OpenIngest | undefined> {
  const data = join(path, "data");
  let file: FileHandle | undefined;
  try {
    await makeWritable(data);
    await unsynced.rewrite(path);
    file = await open(data, "r+");
    const offset = await hashFile(file, digester, { signal });
    return { path, file, status: { ...found, offset } };
  } catch (cause) {
    await file?.close();
    if (isMissingFile(cause)) return undefined; // aborted a moment ago
    throw diskError("resume ingest", path, cause);
  }
}

/** A commit that was killed right before its end leaves the data read-only. */
async function makeWritable(data: string): Promise<void> {
  const { mode } = await stat(data);
  if ((mode & 0o200) === 0) await chmod(data, (mode & 0o777) | 0o200);
}

/** `ref` comes last and whole: a directory without it is half-made. */
async function startIngest(path: string, { ref, total }: IngestRequest): Promise<OpenIngest> {
  const now = nowNs();
  let file: FileHandle | undefined;
  try {
    await rm(path, { recursive: true, force: true });
    await makeDirectory(path);
    file = await open(join(path, "data"), "wx+");
    await Promise.all([
      writeFile(join(path, "startedat"), formatRfc3339(now)),
      writeFile(join(path, "updatedat"), formatRfc3339(now)),
      total > 0 && writeFile(join(path, "total"), String(total)),
      writeFile(join(path, "ref.tmp"), ref),
    ]);
    await rename(join(path, "ref.tmp"), join(path, "ref"));
  } catch (cause) {
    await file?.close();
    if (isMissingFile(cause)) throw new ErrAborted(`ref ${ref} was aborted`, { cause });
    throw diskError("start ingest", path, cause);
  }
  return { path, file, status: { ref, offset: 0, total, startedAtNs: now, updatedAtNs: now } };
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissingFile(error)) return "";
    throw error;
  }
}
