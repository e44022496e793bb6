import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";

/** Every entry below a directory: a line of kind, permissions, owner, time, and content or target, by path. */
export function treeOf(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    for (const name of readdirSync(join(directory, path)).toSorted()) {
      const entry = join(path, name);
      const at = join(directory, entry);
      // The kernel's overlay lists a whiteout in a directory that only one layer has, and finds nothing there.
      const stats = lstatSync(at, { throwIfNoEntry: false });
      if (!stats) continue;
      const { mode, uid, gid, mtimeMs } = stats;
      found.set(entry, [mode.toString(8), uid, gid, Math.round(mtimeMs), contentOf(at, stats)].join(" "));
      if (stats.isDirectory()) visit(entry);
    }
  };
  visit("");
  return found;
}

function contentOf(path: string, stats: Stats): string {
  if (stats.isSymbolicLink()) return readlinkSync(path);
  if (stats.isFile()) return readFileSync(path, "utf8");
  return stats.isDirectory() ? "" : String(stats.rdev);
}
