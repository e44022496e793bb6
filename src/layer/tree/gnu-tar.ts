import { spawn } from "node:child_process";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { ErrNotImplemented, ErrUnknown } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";

/** Longest text of a program that is kept, in characters. */
const MAX_WORDS = 512;

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
 * tar, because Node.js knows no attributes. Throws `ErrNotImplemented` where there is no such program, `ErrUnknown` with its words
 * when it fails, and `ErrCanceled`.
 */
export async function copyLooks({ from, to, names, signal }: CopyLooksOptions): Promise<void> {
  throwIfAborted(signal);
  const common = { env: { ...process.env, LC_ALL: "C" }, signal, killSignal: "SIGKILL" } as const;
  const listed = ["--no-recursion", "--null", "--verbatim-files-from", "--files-from=-"];
  const reading = spawn("tar", ["-c", "--format=posix", ...ATTRIBUTES, "-C", from, ...listed], {
    ...common,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const writing = spawn("tar", ["-x", "-p", "--numeric-owner", ...ATTRIBUTES, "-C", to, "-f", "-"], {
    ...common,
    stdio: ["pipe", "ignore", "pipe"],
  });
  const ends = Promise.all([endOf(reading), endOf(writing)]);
  const list = Buffer.from(names.map((name) => `./${name}\0`).join(""), "latin1");
  const flows = Promise.all([pipeline([list], reading.stdin), pipeline(reading.stdout, writing.stdin)]);
  await Promise.allSettled([ends, flows]); // a program that ends early says why by its end
  throwIfAborted(signal);
  await ends;
}

/** Throws when a program could not be run, or failed. */
async function endOf(child: ReturnType<typeof spawn>): Promise<void> {
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = `${words}${text}`.slice(0, MAX_WORDS);
  });
  const [status] = (await once(child, "close").catch((cause: unknown) => {
    throw new ErrNotImplemented("copy attributes of directories: GNU tar cannot be run", { cause });
  })) as [number | null];
  if (status === 0) return;
  const reason = words.trim() || `ended with ${status}`;
  throw new ErrUnknown(`copy attributes of directories: tar: ${reason}`, { retryable: false });
}
