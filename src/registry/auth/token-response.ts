import { throwIfAborted } from "../../async/abort.ts";
import {
  ErrPermissionDenied,
  ErrResourceExhausted,
  ErrUnauthenticated,
  ErrUnavailable,
} from "../../errors/classes.ts";
import type { DrayageError, ErrorDetails } from "../../errors/drayage-error.ts";
import { parseJson, untrustedFields } from "../http/parse-json.ts";
import { registryWords } from "../http/registry-words.ts";
import { parseRetryAfter } from "../http/retry-after.ts";
import { type HttpResponse, headerOf } from "../http/send.ts";

/** A bearer token and the time until which it may be used. */
export type Token = {
  readonly value: string;
  /** When it was asked for, in milliseconds by `Clock.elapsed`. */
  readonly issuedAtMs: number;
  /** By the same clock. */
  readonly expiresAtMs: number;
  /** To be had in place of user and password, where the server gives one. */
  readonly refreshToken?: string | undefined;
};

/** The request that a token server answers. */
export type TokenExchange = {
  /** What was tried, and where: begins the messages. */
  readonly action: string;
  /** Origin of the registry that wants the token. */
  readonly endpoint: string;
  /**
   * When the request was made, in milliseconds since the epoch: what a date in `Retry-After` is compared
   * with.
   */
  readonly requestedAtMs: number;
  /** The same moment by `Clock.elapsed`. */
  readonly startedAtMs: number;
  /** Texts that must not appear in a message, should the server repeat them. */
  readonly secrets: readonly string[];
  readonly signal: AbortSignal | undefined;
};

/** Largest token answer that is read: tokens that list hundreds of scopes have tens of KiB. */
const MAX_TOKEN_BYTES = 1024 * 1024;

/** Largest error answer that is read: it is there for one line of text. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Longest lifetime that is believed, in seconds: real ones are minutes or hours. */
const MAX_LIFETIME_SECONDS = 86_400;

/**
 * Lifetime of a token that names none, and the least that is believed (distribution token spec: at least 60
 * s).
 */
const MIN_LIFETIME_SECONDS = 60;

/**
 * Reads a token server's success. Its `issued_at` is ignored: the lifetime counts from the request by our own
 * clock, so that a difference between the clocks does no harm. Throws `ErrUnauthenticated` when there is no
 * token that could be sent, `ErrOutOfRange` when the answer is longer than 1 MiB.
 */
export async function readToken(response: HttpResponse, exchange: TokenExchange): Promise<Token> {
  const fail = (reason: string): ErrUnauthenticated =>
    new ErrUnauthenticated(`${exchange.action}: ${reason}`, { endpoint: exchange.endpoint });

  const bytes = await response.body.bytes(MAX_TOKEN_BYTES);
  const answer = untrustedFields<"access_token" | "token" | "expires_in" | "refresh_token">(parseJson(bytes));
  const value = answer.access_token || answer.token;
  if (typeof value !== "string" || value === "") {
    throw fail("authorization server did not include a token in the response");
  }
  // A line break in it would begin another header.
  if (!/^[\x21-\x7e]+$/.test(value)) throw fail("authorization server sent a token that no header can hold");
  const named = typeof answer.expires_in === "number" ? answer.expires_in : 0;
  const lifetimeSeconds = Math.min(Math.max(named, MIN_LIFETIME_SECONDS), MAX_LIFETIME_SECONDS);
  const { startedAtMs: issuedAtMs } = exchange;
  const expiresAtMs = issuedAtMs + lifetimeSeconds * 1000;
  const { refresh_token: refresh } = answer;
  return {
    value,
    issuedAtMs,
    expiresAtMs,
    ...(typeof refresh === "string" && refresh ? { refreshToken: refresh } : {}),
  };
}

/**
 * The error of a token server's refusal, in the server's own words: 403 `ErrPermissionDenied`, 429
 * `ErrResourceExhausted` and 408 or 5xx `ErrUnavailable` (all retryable, with `Retry-After`), anything else
 * `ErrUnauthenticated`; a 404 too, because it says nothing about the image. Reads the body.
 */
export async function tokenError(response: HttpResponse, exchange: TokenExchange): Promise<DrayageError> {
  const { status } = response;
  const reason = await readReason(response, exchange);
  const message = `${exchange.action}: got status ${status}${reason === "" ? "" : `: ${reason}`}`;
  const { endpoint } = exchange;
  const details: ErrorDetails = { endpoint, httpStatus: status, answeredBy: "token server" };
  if (status === 403) return new ErrPermissionDenied(message, details);
  if (status !== 408 && status !== 429 && status < 500) return new ErrUnauthenticated(message, details);

  const retryAfterMs = parseRetryAfter(headerOf(response, "retry-after"), exchange.requestedAtMs);
  const ErrorClass = status === 429 ? ErrResourceExhausted : ErrUnavailable;
  return new ErrorClass(message, { ...details, retryable: true, retryAfterMs });
}

async function readReason(response: HttpResponse, { secrets, signal }: TokenExchange): Promise<string> {
  const bytes = await response.body.bytes(MAX_ERROR_BYTES).catch(() => {
    throwIfAborted(signal);
    return new Uint8Array(); // the status says enough; the words are a courtesy
  });
  return registryWords(reasonOf(bytes) ?? "", [...secrets, ...(response.secrets ?? [])]);
}

/**
 * Registries answer like `errors[].message`, OAuth2 servers with `error_description`, Docker Hub with
 * `details`.
 */
function reasonOf(bytes: Uint8Array): string | undefined {
  const answer = untrustedFields<"errors" | "error_description" | "details" | "message" | "error">(
    parseJson(bytes),
  );
  const first = untrustedFields<"message" | "code">(
    Array.isArray(answer.errors) ? answer.errors[0] : undefined,
  );
  return [
    first.message,
    first.code,
    answer.error_description,
    answer.details,
    answer.message,
    answer.error,
  ].find((text): text is string => typeof text === "string" && text !== "");
}
