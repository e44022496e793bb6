import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Longest name of a namespace, in characters (containerd's `identifiers`). */
const MAX_LENGTH = 76;

const FORMAT = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/** `text` as the name of a namespace (as in containerd). Throws `ErrInvalidArgument`. */
export function parseNamespace(text: string): string {
  if (text.length <= MAX_LENGTH && FORMAT.test(text)) return text;
  const shown = JSON.stringify(text.slice(0, MAX_LENGTH + 1));
  const wanted = `at most ${MAX_LENGTH} letters and digits, separated by ".", "_" or "-"`;
  throw new ErrInvalidArgument(`invalid namespace: got ${shown}, want ${wanted}`);
}
