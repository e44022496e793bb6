import type { AbortOptions } from "../async/abort.ts";
import { findError, isNoSupport } from "../errors/predicates.ts";

/**
 * "Not found" in no registry's words may come from something that never was a registry; that says nothing about the
 * image. Only then a ping is worth its round trip: `ErrNoSupport` if nobody answers to the API's name, else `error`.
 */
export async function explainNotFound(
  error: unknown,
  client: { ping(options: AbortOptions): Promise<void> },
  { signal }: AbortOptions,
): Promise<unknown> {
  const found = findError(error);
  if (found?.httpStatus !== 404 || found.registryCode !== undefined) return error;
  if (found.answeredBy === "token server") return error;
  try {
    await client.ping({ signal });
    return error;
  } catch (cause) {
    return isNoSupport(cause) ? cause : error;
  }
}
