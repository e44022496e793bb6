import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Longest name of a namespace, in characters (containerd's `identifiers`). */
const MAX_LENGTH = 76;

/** As containerd writes it, because it shows it to users. */
const FORMAT = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$";

const PATTERN = new RegExp(FORMAT);

/** Most characters of a wrong name that an error repeats. */
const MAX_SHOWN = 256;

/** `text` as the name of a namespace (as in containerd). Throws `ErrInvalidArgument` in containerd's words. */
export function parseNamespace(text: string): string {
  if (text === "") throw invalid("identifier must not be empty");
  const shown = `identifier ${JSON.stringify(text.slice(0, MAX_SHOWN))}`;
  if (text.length > MAX_LENGTH)
    throw invalid(`${shown} greater than maximum length (${MAX_LENGTH} characters)`);
  if (!PATTERN.test(text)) throw invalid(`${shown} must match ${FORMAT}`);
  return text;
}

function invalid(reason: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`namespace validation: ${reason}`);
}
