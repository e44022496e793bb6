import type { ByteString } from "../../tar/byte-string.ts";

/** Most directories above an entry. Nobody's trees are that deep, and each one costs a call when it has to be opened again. */
export const MAX_DEPTH = 512;

/** Most symbolic links that are followed for one path: where Linux stops. */
const MAX_LINKS = 40;

/**
 * The way of a path from directory to directory, as the kernel goes in the root file system of a container: a link leads on from the
 * directory that it is in, an absolute one from the root, and above the root there is nothing but the root. So no path leads out,
 * whatever it and the links say. Whoever walks says what is under each name.
 */
export class PathWalk<Directory> {
  /** The directories on the way, the root first. */
  readonly #above: Directory[] = [];
  readonly #root: Directory;
  /** What is left of the path, the next name last. */
  readonly #names: ByteString[];
  #links = 0;

  constructor(root: Directory, path: ByteString) {
    this.#root = root;
    this.#names = namesOf(path);
  }

  /** Where the walk is. */
  get directory(): Directory {
    return this.#above.at(-1) ?? this.#root;
  }

  /** How many directories below the root that is. */
  get depth(): number {
    return this.#above.length;
  }

  /** Whether nothing is left of the path. */
  get isAtEnd(): boolean {
    return this.#names.length === 0;
  }

  /** The next name, to be looked for in `directory`; `undefined` at the end. */
  next(): ByteString | undefined {
    let name = this.#names.pop();
    for (; name === ".."; name = this.#names.pop()) this.#above.pop();
    return name;
  }

  /** The name is that of a directory: goes there. */
  enter(directory: Directory): void {
    this.#above.push(directory);
  }

  /** The name is that of a symbolic link with this text: goes where it leads. Returns `false` when the path has too many of them. */
  follow(text: ByteString): boolean {
    if (++this.#links > MAX_LINKS) return false;
    if (text.startsWith("/")) this.#above.length = 0;
    for (const name of namesOf(text)) this.#names.push(name);
    return true;
  }
}

/** The names of a path, the first one last. */
function namesOf(path: ByteString): ByteString[] {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .reverse();
}
