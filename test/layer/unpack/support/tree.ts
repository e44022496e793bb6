import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import type { TarEntry } from "../../../../src/tar/tar-entry.ts";
import { TarReader } from "../../../../src/tar/tar-reader.ts";

/** What is at one path, as far as a layer can tell it. */
export interface TreeEntry {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  /** Whole microseconds: Node.js sets no smaller parts. */
  readonly mtime: number;
  readonly size: number;
  /** Where a symbolic link leads, or the first name of a file that has several. */
  readonly link: string;
  readonly device: string;
  readonly xattrs: Readonly<Record<string, string>>;
  /** SHA-256 of the content. */
  readonly content: string;
}

/** Everything in a directory by its path: seen by GNU tar, so that our own file calls do not judge themselves. */
export function treeOf(directory: string): Record<string, TreeEntry> {
  const archive = execFileSync(
    "tar",
    ["-c", "--format=posix", "--sort=name", "--xattrs", "--xattrs-include=*", "-C", directory, "."],
    {
      maxBuffer: 1024 * 1024 * 1024,
      env: { LC_ALL: "C", PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const tree: Record<string, TreeEntry> = {};
  let current: TarEntry | undefined;
  let hash = createHash("sha256");
  const reader = new TarReader({
    begin(entry) {
      current = entry;
      hash = createHash("sha256");
    },
    content(piece) {
      hash.update(piece);
    },
    end() {
      if (current) tree[current.name.replace(/\/$/, "")] = entryOf(current, hash.digest("hex"));
    },
  });
  reader.write(archive);
  reader.finish();
  return tree;
}

function entryOf(entry: TarEntry, content: string): TreeEntry {
  const isDevice = entry.type.endsWith("device");
  return {
    type: entry.type,
    mode: entry.mode.toString(8),
    owner: `${entry.uid}:${entry.gid}`,
    mtime: Math.round(entry.mtime * 1e6),
    size: entry.size,
    link: entry.linkName,
    device: isDevice ? `${entry.deviceMajor}:${entry.deviceMinor}` : "",
    xattrs: Object.fromEntries(entry.xattrs ?? []),
    content: entry.type === "file" ? content : "",
  };
}
