import type { Command } from "commander";
import type { ImageEntry } from "../../index.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printJson, printLines } from "../output.ts";

interface LsCliOptions extends RootOptions {
  readonly platform?: string;
  readonly followLinks?: boolean;
  readonly long?: boolean;
  readonly json?: boolean;
}

/** `drayage ls REF [PATH...]` */
export function addLsCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("ls")
    .description("list what is in an image that is here, without unpacking it")
    .argument("<ref>")
    .argument("[path...]", "which paths of the image, with all below them (default: everything)");
  addRootOptions(command)
    .option("--platform <os/arch[/variant]>", "image to take out of an index (default: this machine's)")
    .option("-L, --follow-links", "of a path that is a link list what it leads to as well")
    .option("-l, --long", "permissions, owner, size and time as well")
    .option("--json", "one JSON object for each entry, with the layer that it is from")
    .action(async (reference: string, paths: readonly string[], options: LsCliOptions) => {
      const { platform, followLinks, long = false, json = false } = options;
      await using distribution = await openRoot(options);
      const wanted = paths.length > 0 ? paths : undefined;
      for await (const entry of distribution.list(reference, {
        paths: wanted,
        followLinks,
        platform,
        signal,
      })) {
        if (json) printJson(entry);
        else printLines(long ? longLine(entry) : entry.path);
      }
    });
}

/** Letters as `ls -l` has them. */
const TYPE_LETTERS: Readonly<Record<ImageEntry["type"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  "character device": "c",
  "block device": "b",
  fifo: "p",
};

/** A line as `tar -tv` has it. */
function longLine({ path, type, mode, uid, gid, size, mtime, linkTarget, hardLink }: ImageEntry): string {
  const arrow = linkTarget === undefined ? "" : ` -> ${linkTarget}`;
  const other = hardLink === undefined ? "" : ` link to ${hardLink}`;
  const owner = `${uid}/${gid}`.padEnd(9);
  const facts = `${TYPE_LETTERS[type]}${permissions(mode)} ${owner} ${String(size).padStart(10)}`;
  return `${facts} ${timeOf(mtime)} ${path}${arrow}${other}`;
}

/** To the minute; what is beyond all calendars as it is. */
function timeOf(seconds: number): string {
  const time = new Date(seconds * 1_000);
  if (Number.isNaN(time.getTime())) return String(seconds).padStart(16);
  return time.toISOString().slice(0, 16).replace("T", " ");
}

/** `rwsr-xr-t` */
function permissions(mode: number): string {
  const owner = letters(mode >> 6, (mode & 0o4000) !== 0 && "s");
  const group = letters(mode >> 3, (mode & 0o2000) !== 0 && "s");
  return `${owner}${group}${letters(mode, (mode & 0o1000) !== 0 && "t")}`;
}

function letters(bits: number, special: string | false): string {
  const mayEnter = (bits & 1) !== 0;
  const plain = mayEnter ? "x" : "-";
  const last = special === false ? plain : mayEnter ? special : special.toUpperCase();
  return `${(bits & 4) === 0 ? "-" : "r"}${(bits & 2) === 0 ? "-" : "w"}${last}`;
}
