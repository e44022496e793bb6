import type { ErrorCode } from "../errors/drayage-error.ts";
import { findError } from "../errors/predicates.ts";
import type { Endpoint } from "../registry/endpoints/endpoint.ts";

/** What the caller did or asked for: no endpoint can change it. */
const NEVER: ReadonlySet<ErrorCode> = new Set(["ERR_CANCELED", "ERR_DEADLINE_EXCEEDED"]);

/** Answers that are final from a registry about its own repositories, and only a mirror's opinion from a mirror. */
const MIRROR_ONLY: ReadonlySet<ErrorCode> = new Set([
  "ERR_NOT_FOUND",
  "ERR_UNAUTHENTICATED",
  "ERR_PERMISSION_DENIED",
  "ERR_RESOURCE_EXHAUSTED",
  "ERR_INVALID_ARGUMENT",
  "ERR_FAILED_PRECONDITION",
  "ERR_NOT_IMPLEMENTED",
]);

/**
 * Whether the next endpoint should be tried after `error` at `endpoint` (moby `continueOnError`). This is the
 * only place where drayage decides so. An error without an endpoint is our own (disk full, bad reference): it stops.
 */
export function shouldFallBack(error: unknown, endpoint: Endpoint): boolean {
  const found = findError(error);
  if (found?.code === "ERR_NO_SUPPORT") return true;
  if (found?.endpoint === undefined || NEVER.has(found.code)) return false;
  return endpoint.mirror || !MIRROR_ONLY.has(found.code);
}
