import { diskError } from "./disk-error.ts";

/** Does something with the file system. Throws what fails in the classes of `diskError`, with the action and the path. */
export async function onDisk<T>(action: string, path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw diskError(action, path, cause);
  }
}
