import { constants, openSync } from "node:fs";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { type ByteString, pathOf } from "../../tar/byte-string.ts";
import type { DirectoryNode } from "./directory-node.ts";

/** Most directories that are kept open: what a process may open is shared with everybody else in it, 1,024 files on some systems. */
const MAX_OPEN_DIRECTORIES = 256;

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * The directories of a layer, held open, so that a path below them is a path below exactly those, whatever anybody does to their
 * names meanwhile: each was opened in the one above it, without following links. The root is its caller's, who opens and closes it.
 */
export class OpenDirectories {
  /** In the order of their last use. */
  readonly #open = new Set<DirectoryNode>();

  /** The path by which file calls reach `name` in `directory`. Throws what opening throws. */
  pathIn(directory: DirectoryNode, name: ByteString): string | Buffer {
    return pathOf(`/proc/self/fd/${this.#fdOf(directory)}/${name}`);
  }

  /** A directory is gone, with all that is in it. */
  drop(directory: DirectoryNode): void {
    for (const child of directory.children) this.drop(child);
    if (this.#open.delete(directory)) this.#close(directory);
  }

  /** Closes all but the root. */
  close(): void {
    for (const directory of this.#open) this.#close(directory);
    this.#open.clear();
  }

  #fdOf(directory: DirectoryNode): number {
    if (directory.fd === -1) this.#openFromAbove(directory);
    else if (this.#open.delete(directory)) this.#open.add(directory);
    return directory.fd;
  }

  /** From the nearest directory above that is open, one by one. */
  #openFromAbove(directory: DirectoryNode): void {
    const closed: DirectoryNode[] = [];
    let above = directory;
    for (; above.fd === -1 && above.parent !== undefined; above = above.parent) closed.push(above);
    for (const node of closed.reverse()) {
      node.fd = openSync(pathOf(`/proc/self/fd/${above.fd}/${node.name}`), OPEN_DIRECTORY);
      this.#open.add(node);
      this.#makeRoom();
      above = node;
    }
  }

  #makeRoom(): void {
    if (this.#open.size <= MAX_OPEN_DIRECTORIES) return;
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest);
    this.#close(oldest);
  }

  #close(directory: DirectoryNode): void {
    const { fd } = directory;
    directory.fd = -1;
    closeQuietly(fd);
  }
}
