import { readdir } from "node:fs/promises";
import { ErrAlreadyExists } from "../errors/classes.ts";
import { makeDirectory } from "./make-directory.ts";
import { onDisk } from "./on-disk.ts";

/**
 * Makes a directory unless it is there already. Throws `ErrAlreadyExists` when something is in it, and the classes of `diskError`.
 *
 * @param purpose what is done to it, in the message of the first; default the action
 */
export async function makeEmptyDirectory(
  action: string,
  directory: string,
  purpose: string = action,
): Promise<void> {
  await makeDirectory(directory);
  const found = await onDisk(action, directory, () => readdir(directory));
  if (found.length > 0) throw new ErrAlreadyExists(`${purpose} "${directory}": it is not empty`);
}
