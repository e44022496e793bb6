import {
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
  ErrNotImplemented,
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
} from "../../errors/classes.ts";
import type { DrayageError, ErrorDetails } from "../../errors/drayage-error.ts";

/** What an error code of a registry means. */
export interface RegistryErrorKind {
  readonly make: new (message: string, details?: ErrorDetails) => DrayageError;
  /** Whether the same request to the same endpoint may succeed later. */
  readonly retryable: boolean;
}

const fatal = (make: RegistryErrorKind["make"]): RegistryErrorKind => ({ make, retryable: false });
const passing = (make: RegistryErrorKind["make"]): RegistryErrorKind => ({ make, retryable: true });

/** Codes of the OCI distribution-spec ("Error Codes") and of CNCF distribution's registry API v2. */
const KINDS: ReadonlyMap<string, RegistryErrorKind> = new Map([
  ["UNAUTHORIZED", fatal(ErrUnauthenticated)],
  ["DENIED", fatal(ErrPermissionDenied)],
  ["NAME_UNKNOWN", fatal(ErrNotFound)],
  ["MANIFEST_UNKNOWN", fatal(ErrNotFound)],
  ["BLOB_UNKNOWN", fatal(ErrNotFound)],
  ["BLOB_UPLOAD_UNKNOWN", fatal(ErrNotFound)],
  ["NAME_INVALID", fatal(ErrInvalidArgument)],
  ["TAG_INVALID", fatal(ErrInvalidArgument)],
  ["DIGEST_INVALID", fatal(ErrInvalidArgument)],
  ["SIZE_INVALID", fatal(ErrInvalidArgument)],
  ["RANGE_INVALID", fatal(ErrInvalidArgument)],
  ["MANIFEST_INVALID", fatal(ErrInvalidArgument)],
  ["MANIFEST_UNVERIFIED", fatal(ErrInvalidArgument)],
  ["PAGINATION_NUMBER_INVALID", fatal(ErrInvalidArgument)],
  ["MANIFEST_BLOB_UNKNOWN", fatal(ErrFailedPrecondition)],
  ["BLOB_UPLOAD_INVALID", fatal(ErrFailedPrecondition)],
  ["UNSUPPORTED", fatal(ErrNotImplemented)],
  ["TOOMANYREQUESTS", passing(ErrResourceExhausted)],
  ["UNAVAILABLE", passing(ErrUnavailable)],
]);

/**
 * The meaning of a code, in any case; `undefined` for one that says nothing (`UNKNOWN`) or is not registered: then the HTTP
 * status decides.
 */
export function registryErrorKind(code: string): RegistryErrorKind | undefined {
  return KINDS.get(code.toUpperCase());
}
