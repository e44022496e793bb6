import { access, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { forEachWithin } from "../../async/for-each-within.ts";
import { algorithmOf, type Digest, encodedOf, isDigest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { codeOf } from "../../errors/code-of.ts";
import { isResourceExhausted } from "../../errors/predicates.ts";

/**
 * What an entry stands for.
 * - `graph`: content that a name pointed at, and everything below it
 * - `blob`: one blob, nothing below it
 * - `row`: one blob that a namespace let go; it stays when it was there before any namespace had it
 * - `doomed`: one blob that nothing referred to when it was looked at, and that whoever wants it has to rescue
 * - `dying`: one blob that was doomed and is being deleted
 */
export type SweepKind = "graph" | "blob" | "row" | "doomed" | "dying";

/** Content that lost what referred to it. It may go, unless something else refers to it. */
export interface SweepEntry {
  readonly digest: Digest;
  readonly kind: SweepKind;
  /** The name that it had, for events; empty when that is not known. */
  readonly name: string;
}

/** What the name of an entry's file tells. */
export type SweepMark = Pick<SweepEntry, "digest" | "kind">;

/** Whether an entry stands for a blob that is to be deleted, or is being deleted. */
export function isCondemned({ kind }: Pick<SweepEntry, "kind">): boolean {
  return kind === "doomed" || kind === "dying";
}

/** Names that are read at once: each holds a descriptor. */
const MAX_NAME_READERS = 8;

/** Longest name that is read back, in characters: a reference is shorter. */
const MAX_NAME_LENGTH = 8_192;

const ENTRY = /^(?<algorithm>[a-z0-9]+)-(?<hex>[0-9a-f]+)\.(?<kind>graph|blob|row|doomed|dying)$/;

/**
 * Remembers on disk what has to be looked at when the root is free: one file per entry, whose name says it
 * all, so that a full disk has room for it. An entry too many costs one look; one that is lost costs a
 * `prune`.
 */
export class SweepList {
  readonly #directory: string;

  /** @param directory made with the first entry */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Adds an entry, or leaves the one that is there. Returns whether it is there now: a full disk may have no
   * room. Throws the classes of `diskError` for anything else.
   */
  async add({ digest, kind, name }: SweepEntry): Promise<boolean> {
    const path = this.#path(digest, kind);
    try {
      await this.#inDirectory(() => unlessThere(writeFile(path, name, { flag: "wx" })));
      return true;
    } catch (cause) {
      const error = diskError("remember content to remove", path, cause);
      if (!isResourceExhausted(error)) throw error;
      return await this.has({ digest, kind }); // the entry may be there without its name
    }
  }

  /** Whether an entry is there. Throws the classes of `diskError`. */
  async has({ digest, kind }: SweepMark): Promise<boolean> {
    const path = this.#path(digest, kind);
    try {
      await access(path);
      return true;
    } catch (cause) {
      if (isMissingFile(cause)) return false;
      throw diskError("read content to remove", path, cause);
    }
  }

  /**
   * Moves an entry to another list in one step, as one of another kind. Returns whether it was there. Throws
   * the classes of `diskError`.
   */
  async move(
    { digest, kind }: SweepMark,
    target: { readonly list: SweepList; readonly kind: SweepKind },
  ): Promise<boolean> {
    const path = this.#path(digest, kind);
    const moveIt = (): Promise<void> => rename(path, target.list.#path(digest, target.kind));
    try {
      await (target.list === this ? moveIt() : target.list.#inDirectory(moveIt));
      return true;
    } catch (cause) {
      if (isMissingFile(cause)) return false;
      throw diskError("move content to remove", path, cause);
    }
  }

  /** Everything that is remembered, without names. Throws the classes of `diskError`. */
  async marks(): Promise<readonly SweepMark[]> {
    return (await this.#files()).flatMap((file) => {
      const { algorithm = "", hex = "", kind } = ENTRY.exec(file)?.groups ?? {};
      const digest = `${algorithm}:${hex}`;
      return isDigest(digest) ? [{ digest, kind: kind as SweepKind }] : [];
    });
  }

  /** Everything that is remembered. Throws the classes of `diskError`. */
  async list(): Promise<readonly SweepEntry[]> {
    const entries: SweepEntry[] = [];
    const readName = async (mark: SweepMark): Promise<void> => {
      entries.push({ ...mark, name: await this.#nameOf(mark) });
    };
    await forEachWithin(await this.marks(), readName, { limit: MAX_NAME_READERS });
    return entries;
  }

  /** Forgets an entry; one that is not there is forgotten already. Throws the classes of `diskError`. */
  async remove({ digest, kind }: SweepMark): Promise<void> {
    const path = this.#path(digest, kind);
    try {
      await rm(path, { force: true });
    } catch (cause) {
      throw diskError("forget content to remove", path, cause);
    }
  }

  async #files(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory);
    } catch (cause) {
      if (isMissingFile(cause)) return [];
      throw diskError("read content to remove", this.#directory, cause);
    }
  }

  async #nameOf({ digest, kind }: SweepMark): Promise<string> {
    const name = await readFile(this.#path(digest, kind), "utf8").catch(() => "");
    return name.length > MAX_NAME_LENGTH ? "" : name;
  }

  /** Does what needs the directory, which mostly is there. */
  async #inDirectory(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!isMissingFile(error)) throw error;
      await makeStep(this.#directory);
      await step();
    }
  }

  #path(digest: Digest, kind: SweepKind): string {
    return join(this.#directory, `${algorithmOf(digest)}-${encodedOf(digest)}.${kind}`);
  }
}

/** Not recursive: that hides the reason of a failure on a read-only disk. */
async function makeStep(directory: string): Promise<void> {
  try {
    await unlessThere(mkdir(directory));
  } catch (error) {
    if (!isMissingFile(error)) throw error;
    await unlessThere(mkdir(dirname(directory)));
    await unlessThere(mkdir(directory));
  }
}

async function unlessThere(making: Promise<void>): Promise<void> {
  try {
    await making;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}
