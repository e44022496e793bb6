/** A server that a registry sends its clients to. */
export type AnsweredBy = "token server" | "redirect target";

/** What an error says beyond its message. Every field is safe to log: no secret and no signed query string goes in. */
export interface ErrorDetails {
  /**
   * The error that led to this one; kept as the standard `cause`.
   * @defaultValue none
   * @example cause: new Error("socket hang up")
   */
  readonly cause?: unknown;
  /**
   * Origin and path prefix of the registry endpoint that answered, when the error was born there.
   * @defaultValue none
   * @example endpoint: "https://registry.example"
   */
  readonly endpoint?: string | undefined;
  /**
   * Digest of the content concerned.
   * @defaultValue none
   * @example digest: digestOf("hello")
   */
  readonly digest?: string | undefined;
  /**
   * Image reference concerned.
   * @defaultValue none
   * @example reference: "registry.example/team/app:v1"
   */
  readonly reference?: string | undefined;
  /**
   * Number of the attempt that failed, from 1.
   * @unit attempts
   * @defaultValue none
   * @example attempt: 2
   */
  readonly attempt?: number | undefined;
  /**
   * HTTP status of the answer that caused the error.
   * @unit HTTP status
   * @defaultValue none
   * @example httpStatus: 503
   */
  readonly httpStatus?: number | undefined;
  /**
   * Who gave that answer, where it was not the registry that was asked: what it says need not be about the image.
   * @defaultValue the registry that was asked
   * @example answeredBy: "token server"
   */
  readonly answeredBy?: AnsweredBy | undefined;
  /**
   * Error code in the registry's own words, such as `MANIFEST_UNKNOWN`.
   * @defaultValue none
   * @example registryCode: "MANIFEST_UNKNOWN"
   */
  readonly registryCode?: string | undefined;
  /**
   * Whether the same request may succeed later.
   * @defaultValue the class decides, see `isRetryable`
   * @example retryable: true
   */
  readonly retryable?: boolean | undefined;
  /**
   * How long the server asked to wait, in milliseconds.
   * @defaultValue none
   * @example retryAfterMs: 5_000
   */
  readonly retryAfterMs?: number | undefined;
  /**
   * Whether the request was held back here, because its host had asked earlier to be left alone until `retryAfterMs`, or because
   * it cannot be reached and another endpoint is the better one to ask.
   * @defaultValue `false`
   * @example notSent: true
   */
  readonly notSent?: boolean | undefined;
  /**
   * Every error that was collected on the way, oldest first.
   * @defaultValue none
   * @example errors: [new Error("connection refused")]
   */
  readonly errors?: readonly unknown[] | undefined;
  /**
   * The names that are in place although an operation on several failed.
   * @defaultValue none
   * @example images: []
   */
  readonly images?: readonly DoneName[] | undefined;
  /**
   * The names that it did not come to, because there was nobody left to ask.
   * @defaultValue none
   * @example notTried: ["registry.example/team/app:v2"]
   */
  readonly notTried?: readonly string[] | undefined;
}

/** A name that is in place, and what it points at. */
export interface DoneName {
  readonly name: string;
  readonly digest: string;
}

/** The closed set of error codes. They never change their meaning; new ones are a major change. */
export type ErrorCode =
  | "ERR_UNKNOWN"
  | "ERR_INVALID_ARGUMENT"
  | "ERR_NOT_FOUND"
  | "ERR_ALREADY_EXISTS"
  | "ERR_PERMISSION_DENIED"
  | "ERR_RESOURCE_EXHAUSTED"
  | "ERR_FAILED_PRECONDITION"
  | "ERR_ABORTED"
  | "ERR_OUT_OF_RANGE"
  | "ERR_NOT_IMPLEMENTED"
  | "ERR_INTERNAL"
  | "ERR_UNAVAILABLE"
  | "ERR_DATA_LOSS"
  | "ERR_UNAUTHENTICATED"
  | "ERR_CANCELED"
  | "ERR_DEADLINE_EXCEEDED"
  | "ERR_NO_SUPPORT";

/** Marks our errors across copies of the package, where `instanceof` alone would fail. */
const BRAND: unique symbol = Symbol.for("drayage.error") as never;

/**
 * Base of every error that drayage throws on purpose. Match on `code` or with the predicates (`isNotFound`, ...);
 * `instanceof` works too, also between two copies of the package.
 */
export abstract class DrayageError extends Error implements ErrorDetails {
  /** Stable code of the class. */
  abstract readonly code: ErrorCode;
  readonly [BRAND] = true;
  declare readonly endpoint?: string;
  declare readonly digest?: string;
  declare readonly reference?: string;
  declare readonly attempt?: number;
  declare readonly httpStatus?: number;
  declare readonly answeredBy?: AnsweredBy;
  declare readonly registryCode?: string;
  declare readonly retryable?: boolean;
  declare readonly retryAfterMs?: number;
  declare readonly notSent?: boolean;
  declare readonly errors?: readonly unknown[];
  declare readonly images?: readonly DoneName[];
  declare readonly notTried?: readonly string[];

  constructor(message: string, details: ErrorDetails = {}) {
    const { cause, ...rest } = details;
    super(message, cause === undefined ? undefined : { cause });
    for (const [key, value] of Object.entries(rest)) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true });
    }
  }

  static override readonly [Symbol.hasInstance] = hasInstance;
}

/**
 * `instanceof` for every class of the family: by prototype as usual, and for an error of another copy of the package by
 * the class's name.
 */
function hasInstance(this: { readonly prototype: object }, value: unknown): boolean {
  if (Object.prototype.isPrototypeOf.call(this.prototype, value as object)) return true;
  if (!isDrayageError(value)) return false;
  if (this.prototype === DrayageError.prototype) return true;
  return Object.getOwnPropertyDescriptor(this.prototype, "name")?.value === value.name;
}

/** Whether `value` was made by any copy of this package. */
export function isDrayageError(value: unknown): value is DrayageError {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Notes on `error`, if it is ours, which attempt it ended; the first note stays. Returns `error`. */
export function noteAttempt(error: unknown, attempt: number): unknown {
  if (isDrayageError(error) && error.attempt === undefined) {
    Object.defineProperty(error, "attempt", { value: attempt, enumerable: true });
  }
  return error;
}
