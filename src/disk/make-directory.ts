import { mkdir } from "node:fs/promises";
import { diskError } from "./disk-error.ts";

/** Makes a directory and what is missing above it. Throws the classes of `diskError`. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw diskError("make directory", path, cause);
  }
}
