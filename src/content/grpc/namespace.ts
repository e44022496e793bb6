import type { Metadata } from "@grpc/grpc-js";
import { ErrInvalidArgument } from "../../errors/classes.ts";

/** Header that names the caller's namespace (containerd `pkg/namespaces`). */
export const NAMESPACE_HEADER = "containerd-namespace";

/** Longest name, in characters (containerd `pkg/identifiers`). */
const MAX_LENGTH = 76;

const FORMAT = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/** The namespace that a call names; `undefined` when it names none. Throws `ErrInvalidArgument` for one that is malformed. */
export function namespaceOf(metadata: Metadata): string | undefined {
  const [value] = metadata.get(NAMESPACE_HEADER);
  return value === undefined ? undefined : parseNamespace(String(value));
}

/** `text` as a namespace. Throws `ErrInvalidArgument`. */
export function parseNamespace(text: string): string {
  if (text.length > MAX_LENGTH || !FORMAT.test(text)) {
    const wanted = `at most ${MAX_LENGTH} letters and digits, separated by ".", "_" or "-"`;
    throw new ErrInvalidArgument(`invalid namespace: got ${JSON.stringify(text)}, want ${wanted}`);
  }
  return text;
}
