import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { ErrNotImplemented } from "../../errors/classes.ts";
import { GnuProgram } from "../tree/gnu-program.ts";

/** What the program is told: everything that a layer can have, but not what overlayfs keeps for itself. */
const OPTIONS = [
  "--create",
  "--format=posix",
  "--numeric-owner",
  "--sort=name",
  "--xattrs",
  "--xattrs-include=*",
  "--xattrs-exclude=*.overlay.*",
];

/**
 * The files of an unpacked layer as an archive, made by GNU tar, because Node.js cannot read extended attributes. Throws
 * `ErrNotImplemented` where there is no such program, and as `GnuProgram.finish` does.
 *
 * @param directory the layer's own files
 * @param tar path of GNU tar; absent where there is none
 */
export async function* archiveOfTree(
  directory: string,
  tar: string | undefined,
  { signal }: AbortOptions = {},
): AsyncGenerator<Uint8Array> {
  throwIfAborted(signal);
  if (tar === undefined)
    throw new ErrNotImplemented("read unpacked layer: GNU tar is not here, which it needs");
  await using program = new GnuProgram(tar, [...OPTIONS, "--directory", directory, "--file=-", "."], {
    action: "read unpacked layer",
    stdio: ["ignore", "pipe"],
    signal,
  });
  try {
    for await (const chunk of program.output) yield chunk as Buffer;
    await program.finish();
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  }
}
