import { randomBytes } from "node:crypto";
import { constants, openSync, unlinkSync } from "node:fs";
import type { Steps } from "../../async/slices.ts";
import { closeQuietly } from "../../disk/close-quietly.ts";
import { diskErrorInWords } from "../../disk/disk-error.ts";
import { ErrUnknown } from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import type { HostAbilities } from "./host-abilities.ts";
import { SideArchive } from "./side-archive.ts";
import { SideProgram, type SideProgramResult } from "./side-program.ts";

/** How much of what the program says a message shows, in characters. */
const MAX_SHOWN_CHARS = 512;

/** An attribute that the program could not set. */
export interface UnsetAttribute {
  /** Path below the layer's root. */
  readonly path: ByteString;
  readonly attribute: ByteString;
}

/** What is needed to run GNU tar on a layer. */
export interface SideTarOptions {
  /** The layer's directory, by a path that nobody else can change, such as one below /proc/self/fd. */
  readonly directory: string;
  readonly host: Pick<HostAbilities, "owners"> & { readonly tar: string };
  /** Writes what is to be made. */
  readonly write: (archive: SideArchive) => Steps<void>;
}

/**
 * Has GNU tar make what Node.js cannot: devices, FIFOs and extended attributes. The archive is complete before the program starts,
 * in a file without a name, so that it may hold the bytes of files that are replaced by themselves: the program gives attributes to
 * no file but those it makes. Throws what the file calls throw.
 */
export function* trySideTar({ directory, host, write }: SideTarOptions): Steps<SideProgramResult> {
  const path = `${directory}/.drayage-${randomBytes(16).toString("hex")}`;
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    unlinkSync(path);
    const archive = new SideArchive(fd);
    yield* write(archive);
    if (archive.isEmpty) return { isGood: true, words: "" };
    archive.finish();
    return yield* extract(fd, { directory, host });
  } finally {
    closeQuietly(fd);
  }
}

/**
 * The same, for what has to succeed. Returns the attributes that the file system did not take. Throws the classes of
 * `diskErrorInWords` when it fails for the disk, `ErrUnknown` with the program's words when it fails otherwise.
 */
export function* runSideTar(options: SideTarOptions): Steps<UnsetAttribute[]> {
  const { isGood, words } = yield* trySideTar(options);
  if (isGood) return unsetAttributes(words);
  const message = `unpack layer: GNU tar failed: ${plainText(words, MAX_SHOWN_CHARS)}`;
  throw diskErrorInWords("unpack layer: GNU tar", words) ?? new ErrUnknown(message, { retryable: false });
}

function* extract(
  fd: number,
  { directory, host }: Pick<SideTarOptions, "directory" | "host">,
): Steps<SideProgramResult> {
  const owner = host.owners === "own" ? "--no-same-owner" : "--same-owner";
  const args = ["-x", "-p", "--numeric-owner", owner, "--xattrs", "--xattrs-include=*"];
  const input = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY); // reads from the beginning
  try {
    const program = new SideProgram(host.tar, [...args, "--warning=no-timestamp", "-f", "-"], {
      directory,
      input,
    });
    yield program.run;
    return program.result;
  } finally {
    closeQuietly(input);
  }
}

function unsetAttributes(words: string): UnsetAttribute[] {
  return [...words.matchAll(/Cannot set '([^'\n]*)' extended attribute for file '(?:\.\/)?([^\n]*)': /g)].map(
    ([, attribute = "", path = ""]) => ({ path, attribute }),
  );
}
