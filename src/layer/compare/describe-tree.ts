import { createHash, type Hash } from "node:crypto";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { TarEntry } from "../../tar/tar-entry.ts";
import { TarReader } from "../../tar/tar-reader.ts";
import { GnuProgram } from "../tree/gnu-program.ts";

/** An entry of a directory tree, with everything about it that a layer says. */
export interface DescribedEntry {
  /** Path below the tree, in its bytes; the tree itself is "". */
  readonly name: ByteString;
  /** Each thing that an archive can say of an entry, by a word for people. */
  readonly facts: Readonly<Record<string, string>>;
}

/** How a tree is described. */
export interface DescribeOptions extends AbortOptions {
  /** Path of GNU tar, which reads what Node.js cannot: devices and extended attributes. */
  readonly tar: string;
}

/** Exit status of GNU tar when it could not read something; with 1 something changed meanwhile. */
const UNREADABLE = 2;

/** How GNU tar writes the same for the same tree, and nothing that reading it changes. Blocks of 256 KiB. */
const ARGUMENTS = [
  "--create",
  "--file=-",
  "--format=posix",
  "--blocking-factor=512",
  "--sort=name",
  "--sparse",
  "--numeric-owner",
  "--xattrs",
  "--xattrs-include=*",
  "--pax-option=delete=atime,delete=ctime",
];

/** Labels that the host gives to files by rules of its own, wherever they come from. */
const HOST_LABEL = /^security\.(?:selinux|ima|evm)$/;

/**
 * All entries of a directory tree in a fixed order: each directory before what is in it, by the bytes of the names. Memory does not
 * depend on the size of the tree. Returns whether everything could be read: what could not is left out. Throws as
 * `GnuProgram.status` does.
 */
export async function* describeTree(
  directory: string,
  { tar, signal }: DescribeOptions,
): AsyncGenerator<DescribedEntry, boolean> {
  await using program = new GnuProgram(tar, [...ARGUMENTS, "--directory", directory, "--", "."], {
    action: "read directory tree",
    stdio: ["ignore", "pipe"],
    signal,
  });
  try {
    const entries = new EntryFacts();
    const reader = new TarReader(entries);
    for await (const chunk of program.output) {
      reader.write(chunk as Buffer);
      yield* entries.taken();
    }
    const status = await program.status();
    reader.finish();
    return status < UNREADABLE;
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}

/** What GNU tar says of each entry, with the digest of its content in place of the content. */
class EntryFacts {
  #entries: DescribedEntry[] = [];
  #entry: TarEntry | undefined;
  #content: Hash | undefined;

  begin(entry: TarEntry): void {
    this.#entry = entry;
    this.#content = entry.size > 0 ? createHash("sha256") : undefined;
  }

  content(piece: Buffer): void {
    this.#content?.update(piece);
  }

  end(): void {
    if (!this.#entry) return;
    this.#entries.push(describe(this.#entry, this.#content?.digest("hex") ?? ""));
  }

  /** The entries that were complete by now, once. */
  taken(): readonly DescribedEntry[] {
    const taken = this.#entries;
    this.#entries = [];
    return taken;
  }
}

function describe(entry: TarEntry, content: string): DescribedEntry {
  const { type, mode, uid, gid, mtime, fileSize, linkName, deviceMajor, deviceMinor, sparse } = entry;
  const attributes = [...(entry.xattrs ?? [])]
    .filter(([attribute]) => !HOST_LABEL.test(attribute))
    .map(([attribute, value]) => `${attribute}=${value}`)
    .toSorted();
  return {
    name: pathIn(entry.name),
    facts: {
      type,
      permissions: mode.toString(8),
      owner: `${uid}:${gid}`,
      time: String(mtime),
      size: String(fileSize),
      target: linkName,
      device: `${deviceMajor}:${deviceMinor}`,
      "extended attributes": JSON.stringify(attributes),
      holes: JSON.stringify(sparse ?? []),
      content,
    },
  };
}

/** `./a/b/` is `a/b`. */
function pathIn(name: ByteString): ByteString {
  return name.replace(/^\.(?:\/|$)/, "").replace(/\/$/, "");
}
