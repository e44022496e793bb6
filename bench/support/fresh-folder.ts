import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

/** A new folder below `data` for `use`, removed afterwards. */
export async function inFreshFolder<T>(data: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(data, "drayage-bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
