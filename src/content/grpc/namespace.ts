import type { IncomingHttpHeaders } from "node:http2";
import { parseNamespace } from "../namespaces/parse-namespace.ts";

/** Header that names the caller's namespace (containerd `pkg/namespaces`). */
export const NAMESPACE_HEADER = "containerd-namespace";

/** The namespace that a call names; `undefined` when it names none. Throws `ErrInvalidArgument` for one that is malformed. */
export function namespaceOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers[NAMESPACE_HEADER];
  return value === undefined ? undefined : parseNamespace(String(value));
}
