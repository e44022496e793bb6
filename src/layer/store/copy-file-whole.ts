import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { gnuCopy } from "../tree/gnu-cp.ts";

/** Opens nothing but the name: of a device or FIFO there may be nobody at the other end. Node.js has no name for it. */
const O_PATH = 0o10000000;

/**
 * Copies a file, device or FIFO with owner, permissions, times and extended attributes, sharing its blocks where the file system can. Throws as
 * `gnuCopy` does, and the errors of the file calls.
 *
 * @param scratch directory on the same file system, for a name of plain characters
 */
export async function copyFileWhole(source: Buffer, target: Buffer, scratch: string): Promise<void> {
  const file = await open(source, O_PATH | constants.O_NOFOLLOW);
  const copy = join(scratch, "copy");
  try {
    // Names in layers are bytes, which no argument of a process can be: the source goes as an open file.
    const args = ["--dereference", "--reflink=auto", "--", "/proc/self/fd/3", copy];
    await gnuCopy(args, { action: "copy file of a lower layer", descriptor: file.fd });
    await rename(copy, target);
  } finally {
    await file.close();
    await rm(copy, { force: true });
  }
}
