import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { ErrNotImplemented, ErrUnknown } from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";

/** Longest text of the program that is kept, in characters. */
const MAX_WORDS = 512;

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
 * `ErrNotImplemented` where there is no such program, `ErrUnknown` with its words when it fails, and the abort error.
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
  const child = spawn(tar, [...OPTIONS, "--directory", directory, "--file=-", "."], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { LC_ALL: "C" },
    signal,
    killSignal: "SIGKILL",
  });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = `${words}${text}`.slice(0, MAX_WORDS);
  });
  const ended = once(child, "close").then(
    ([status]: unknown[]) => status,
    (cause: unknown) => cause,
  );
  let isRead = false;
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    isRead = true;
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    if (!isRead) child.kill("SIGKILL"); // nobody reads on
  }
  const status = await ended;
  throwIfAborted(signal);
  if (status === 0) return;
  throw new ErrUnknown(`read unpacked layer: GNU tar failed: ${plainText(words, MAX_WORDS)}`, {
    retryable: false,
  });
}
