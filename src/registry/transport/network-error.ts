import { ErrCanceled, ErrInvalidArgument, ErrUnavailable } from "../../errors/classes.ts";
import { codeOf } from "../../errors/code-of.ts";
import { type DrayageError, isDrayageError } from "../../errors/drayage-error.ts";
import { plainText } from "../../errors/plain-text.ts";
import { alertOf, isAboutCertificate } from "./client-certificates.ts";
import { HANDSHAKE_WORDS } from "./handshake-error.ts";
import { ProxyFailure } from "./proxy-failure.ts";
import { errors } from "./undici.ts";

interface NetworkFailure {
  /** What happened, for the message. */
  readonly words: string;
  /** Whether the same request may succeed later. Either way another endpoint may do better. */
  readonly retryable: boolean;
}

const later = (words: string): NetworkFailure => ({ words, retryable: true });
const never = (words: string): NetworkFailure => ({ words, retryable: false });

const OTHER_HOST = "certificate is for another host";

/** Codes of Node's and undici's errors. What is not in here may pass: a retryable failure. */
const FAILURES: Readonly<Record<string, NetworkFailure>> = {
  ECONNREFUSED: later("connection refused"),
  ECONNRESET: later("connection reset by the other side"),
  ECONNABORTED: later("connection aborted"),
  EPIPE: later("connection closed by the other side"),
  ETIMEDOUT: later("connection timed out"),
  EHOSTUNREACH: later("no route to host"),
  EHOSTDOWN: later("host is down"),
  ENETUNREACH: later("network is unreachable"),
  ENETDOWN: later("network is down"),
  EADDRNOTAVAIL: later("no local address available"),
  EMFILE: later("too many open files"),
  EAI_AGAIN: later("temporary failure in name resolution"),
  ENOTFOUND: never("no such host"),

  UND_ERR_CONNECT_TIMEOUT: later("no connection in time"),
  UND_ERR_HEADERS_TIMEOUT: later("no answer in time"),
  UND_ERR_BODY_TIMEOUT: later("no data in time"),
  UND_ERR_SOCKET: later("connection closed by the other side"),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: later("connection closed before the end of the body"),
  UND_ERR_ABORTED: later("connection aborted"),
  UND_ERR_HEADERS_OVERFLOW: never("answer with too long headers"),
  HPE_HEADER_OVERFLOW: never("answer with too long headers"),

  // Plain HTTP where TLS was expected, or no common TLS version.
  EPROTO: never("TLS handshake failed"),
  ERR_SSL_WRONG_VERSION_NUMBER: never("TLS handshake failed: not a TLS server"),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: never("TLS handshake failed: not a TLS server"),
  ERR_SSL_UNSUPPORTED_PROTOCOL: never("TLS handshake failed: no common version"),
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: never("TLS handshake failed: no common version"),
  // The other side is in trouble itself, a certificate that it has yet to get for instance.
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: later("TLS failed: internal error of the other side"),
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: never("TLS handshake failed: client certificate required"),

  DEPTH_ZERO_SELF_SIGNED_CERT: never("certificate not trusted: self-signed"),
  SELF_SIGNED_CERT_IN_CHAIN: never("certificate not trusted: self-signed authority"),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: never("certificate not trusted: unknown authority"),
  UNABLE_TO_GET_ISSUER_CERT: never("certificate not trusted: unknown authority"),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: never("certificate not trusted: unknown authority"),
  CERT_SIGNATURE_FAILURE: never("certificate not trusted: bad signature"),
  CERT_NOT_YET_VALID: never("certificate not yet valid"),
  CERT_HAS_EXPIRED: never("certificate has expired"),
  CERT_REVOKED: never("certificate was revoked"),
  CERT_UNTRUSTED: never("certificate not trusted"),
  CERT_REJECTED: never("certificate not accepted"),
  INVALID_CA: never("certificate not trusted: invalid authority"),
  INVALID_PURPOSE: never("certificate is not for a server"),
  HOSTNAME_MISMATCH: never(OTHER_HOST),
};

/** Alerts about bytes that were spoilt on their way. */
const SPOILT = new Set(["BAD_RECORD_MAC", "DECRYPT_ERROR", "DECRYPTION_FAILED", "RECORD_OVERFLOW"]);

/** Characters of a non-HTTP answer that are shown: enough for the greeting of another protocol. */
const MAX_BEGINNING_CHARS = 40;

/** Characters of the hosts in another host's certificate that are shown. */
const MAX_HOSTS_CHARS = 120;

/** Codes of requests that were cut off because the transport was closed. */
const CLOSED = new Set(["UND_ERR_DESTROYED", "UND_ERR_CLOSED"]);

/** Codes of requests that undici refuses to send at all. */
const REFUSED = new Set(["UND_ERR_INVALID_ARG", "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "ERR_INVALID_URL"]);

/**
 * What Node or undici reported, as one of our errors: `ErrUnavailable`, not retryable where repeating is of no use
 * (certificates, unknown hosts), and `ErrInvalidArgument` for a request that could not be sent. Our own errors pass
 * unchanged. `action` names what was being done, such as `GET https://registry.example`; `progress` how far it came.
 */
export function networkError(
  error: unknown,
  { action, endpoint, progress }: { action: string; endpoint: string; progress?: string | undefined },
): DrayageError {
  if (isDrayageError(error)) return error;
  const code = codeOf(error);
  if (code !== undefined && REFUSED.has(code)) {
    return new ErrInvalidArgument(`${action}: request cannot be sent (${code})`, { cause: error, endpoint });
  }
  if (code !== undefined && CLOSED.has(code))
    return new ErrCanceled("transport closed", { cause: error, endpoint });
  const { words, retryable } = failureOf(error, code);
  const message = progress === undefined ? `${action}: ${words}` : `${action}: ${words}: ${progress}`;
  return new ErrUnavailable(message, { cause: withoutBytes(error), endpoint, retryable });
}

function failureOf(error: unknown, code: string | undefined): NetworkFailure {
  if (error instanceof ProxyFailure) return proxyFailure(error);
  if (code !== undefined && Object.hasOwn(HANDSHAKE_WORDS, code)) return later(HANDSHAKE_WORDS[code] ?? code);
  if (code !== undefined && Object.hasOwn(FAILURES, code)) return FAILURES[code] ?? later(code);
  if (error instanceof errors.HTTPParserError)
    return later(`got an answer that is not HTTP${beginningOf(error)}`);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return never(`${OTHER_HOST}${hostsOf(error)}`);
  const alert = alertOf(code);
  if (alert !== undefined) return refusedTls(alert);
  return later(`connection failed (${code ?? "no code"})`);
}

/** The other side wants another certificate, version or cipher, and will want the same next time. */
function refusedTls(alert: string): NetworkFailure {
  const said = alert.toLowerCase().replaceAll("_", " ");
  const words = isAboutCertificate(alert)
    ? `client certificate is missing, or refused by the other side: ${said}`
    : `TLS refused by the other side: ${said}`;
  return { words, retryable: SPOILT.has(alert) };
}

function proxyFailure({ proxy, refusal, cause }: ProxyFailure): NetworkFailure {
  if (refusal) return { words: `proxy ${proxy} ${refusal.words}`, retryable: refusal.passing };
  const { words, retryable } = failureOf(cause, codeOf(cause));
  return { words: `proxy ${proxy}: ${words}`, retryable };
}

/** What came instead of a status line. Of an answer that is broken later on nothing is shown: it may hold anything. */
function beginningOf(error: Error): string {
  if (!error.message.includes("Expected HTTP/") || !("data" in error)) return "";
  const text = plainText(String(error.data), MAX_BEGINNING_CHARS);
  return text === "" || text.startsWith("HTTP/") ? "" : `: it begins with ${JSON.stringify(text)}`;
}

/** The hosts that a certificate is for, as far as it tells. */
function hostsOf(error: unknown): string {
  const { cert } = error as { readonly cert?: { readonly subjectaltname?: string } };
  const names = (cert?.subjectaltname ?? "").replaceAll(/(?:DNS|IP Address):/g, "");
  const text = plainText(names, MAX_HOSTS_CHARS);
  return text === "" ? "" : `: it names ${text}`;
}

/** undici's parser keeps what it did not understand on its error: tokens and signed addresses, for whoever prints it. */
function withoutBytes(error: unknown): unknown {
  if (!(error instanceof Error && "data" in error)) return error;
  const { name, message, stack } = error;
  return Object.assign(new Error(message), { name, stack, code: codeOf(error) });
}
