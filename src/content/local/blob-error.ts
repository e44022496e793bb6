import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { ErrNotFound } from "../../errors/classes.ts";

/** The error of a failed operation on the file of a blob: a file that is missing is a blob that is not there. */
export function blobError(
  action: string,
  { path, digest, cause }: { readonly path: string; readonly digest: Digest; readonly cause: unknown },
): Error {
  return isMissingFile(cause) ? blobNotFound(digest, cause) : diskError(action, path, cause);
}

/** Says that a blob is not there. */
export function blobNotFound(digest: Digest, cause?: unknown): ErrNotFound {
  return new ErrNotFound(`content ${digest}: not found`, { digest, cause });
}
