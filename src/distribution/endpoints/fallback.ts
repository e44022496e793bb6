import type { DrayageError, ErrorCode } from "../../errors/drayage-error.ts";
import { findError } from "../../errors/predicates.ts";
import type { Endpoint } from "../../registry/endpoints/endpoint.ts";

/** What a failure at an endpoint means for what comes after it. */
export interface Judgement {
  /** Whether the next endpoint is asked for the same thing. */
  readonly next: boolean;
  /** Whether an endpoint of version 1 is asked for the same thing, after one of version 2. */
  readonly older: boolean;
  /** Whether the failure is about the endpoint with all that it has, and not about one image. */
  readonly ofEndpoint: boolean;
  /** Whether the endpoint is asked last for a while, by all who share the data root. */
  readonly ill: boolean;
}

/** What a class of failure means by whose it is. */
interface Row {
  /** Whether a registry's word about its own repositories leads on to the next endpoint. */
  readonly registry: "next" | "stop";
  /** The same of a mirror, whose word is only an opinion. */
  readonly mirror: "next" | "stop";
  /** Whether a registry's word in version 2 leads on to version 1, which may have the image all the same. */
  readonly older: "next" | "stop";
  /** What the failure is about: one image, or the endpoint with all that it has. */
  readonly about: "content" | "endpoint";
}

/**
 * The one table (moby `continueOnError`). It is about failures that an endpoint is to blame for; what has no endpoint is our
 * own trouble (a full disk, a bad argument) and stops everything.
 */
const ROWS: Readonly<Record<ErrorCode, Row>> = {
  // Somebody asked for the end. A time-out of the endpoint's own has the endpoint on it and is like being unreachable.
  ERR_CANCELED: { registry: "stop", mirror: "stop", older: "stop", about: "content" },
  ERR_DEADLINE_EXCEEDED: { registry: "next", mirror: "next", older: "next", about: "endpoint" },
  // The endpoint cannot be used at all.
  ERR_NO_SUPPORT: { registry: "next", mirror: "next", older: "next", about: "endpoint" },
  ERR_UNAVAILABLE: { registry: "next", mirror: "next", older: "next", about: "endpoint" },
  // It would not serve us: final from the registry itself.
  ERR_UNAUTHENTICATED: { registry: "stop", mirror: "next", older: "next", about: "endpoint" },
  ERR_RESOURCE_EXHAUSTED: { registry: "stop", mirror: "next", older: "stop", about: "endpoint" },
  ERR_PERMISSION_DENIED: { registry: "stop", mirror: "next", older: "stop", about: "content" },
  // It says what it has, or what it has cannot be used: final from the registry itself.
  ERR_NOT_FOUND: { registry: "stop", mirror: "next", older: "next", about: "content" },
  ERR_INVALID_ARGUMENT: { registry: "stop", mirror: "next", older: "stop", about: "content" },
  ERR_FAILED_PRECONDITION: { registry: "stop", mirror: "next", older: "stop", about: "content" },
  ERR_NOT_IMPLEMENTED: { registry: "stop", mirror: "next", older: "stop", about: "content" },
  // It is broken, or what it sends is: another endpoint may well do better.
  ERR_INTERNAL: { registry: "next", mirror: "next", older: "next", about: "content" },
  ERR_UNKNOWN: { registry: "next", mirror: "next", older: "next", about: "content" },
  ERR_DATA_LOSS: { registry: "next", mirror: "next", older: "stop", about: "content" },
  ERR_OUT_OF_RANGE: { registry: "next", mirror: "next", older: "stop", about: "content" },
  ERR_ABORTED: { registry: "next", mirror: "next", older: "stop", about: "content" },
  ERR_ALREADY_EXISTS: { registry: "next", mirror: "next", older: "stop", about: "content" },
};

/**
 * What `error` at `endpoint` means for the next endpoint, and for what is asked of this one later. This is the only place
 * where drayage decides so; what an answer means for the one request is in `src/registry/answers`.
 */
export function judge(error: unknown, endpoint: Endpoint): Judgement {
  const found = findError(error);
  if (found?.endpoint === undefined && found?.code !== "ERR_NO_SUPPORT")
    return { next: false, older: false, ofEndpoint: false, ill: false };
  const row = ROWS[found.code];
  const next = (endpoint.mirror ? row.mirror : row.registry) === "next";
  const ofEndpoint = row.about === "endpoint" && !wasNotAsked(found);
  const isOwnV2 = !endpoint.mirror && endpoint.version !== 1;
  const older = isOwnV2 ? row.older === "next" : next;
  return { next, older, ofEndpoint, ill: isIllness(found) };
}

/**
 * Whether a failure says that the endpoint is not well: it cannot be reached, says so itself, or cut an answer off. What it
 * has, whom it serves and how often it wants to be asked is no illness.
 */
function isIllness({ code, httpStatus = 0, notSent, retryable }: DrayageError): boolean {
  if (notSent || httpStatus === 501) return false;
  if (httpStatus >= 500) return true;
  const isCut = code === "ERR_DATA_LOSS" && retryable === true;
  return code === "ERR_UNAVAILABLE" || code === "ERR_DEADLINE_EXCEEDED" || isCut;
}

/** Whether an endpoint was not asked because of what is known of it, and should be when no other one has done. */
export function wasNotAsked({ notSent, retryable }: DrayageError): boolean {
  return notSent === true && retryable === false;
}
