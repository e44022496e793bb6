import { pipeline } from "node:stream/promises";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { GnuProgram } from "./gnu-program.ts";

/** What overlayfs keeps in attributes is about a mount, and never part of an image. */
const ATTRIBUTES = [
  "--xattrs",
  "--xattrs-include=*",
  "--xattrs-exclude=trusted.overlay.*",
  "--xattrs-exclude=user.overlay.*",
];

/** Which directories look like which. */
export interface CopyLooksOptions extends AbortOptions {
  readonly from: string;
  readonly to: string;
  /** Paths of directories, below both. */
  readonly names: readonly ByteString[];
}

/**
 * Gives directories that are there owners, permissions, times and attributes of those of the same names below `from`, by GNU
 * tar. Throws as `GnuProgram.finish` does.
 */
export async function copyLooks({ from, to, names, signal }: CopyLooksOptions): Promise<void> {
  const common = { action: "copy attributes of directories", signal };
  const listed = ["--no-recursion", "--null", "--verbatim-files-from", "--files-from=-"];
  const reading = new GnuProgram("tar", ["-c", "--format=posix", ...ATTRIBUTES, "-C", from, ...listed], {
    ...common,
    stdio: ["pipe", "pipe"],
  });
  const writing = new GnuProgram("tar", ["-x", "-p", "--numeric-owner", ...ATTRIBUTES, "-C", to, "-f", "-"], {
    ...common,
    stdio: ["pipe", "ignore"],
  });
  const ends = Promise.all([reading.finish(), writing.finish()]);
  const list = Buffer.from(names.map((name) => `./${name}\0`).join(""), "latin1");
  const flows = Promise.all([pipeline([list], reading.input), pipeline(reading.output, writing.input)]);
  await Promise.allSettled([ends, flows]); // a program that ends early says why by its end
  throwIfAborted(signal);
  await ends;
}
