import { X509Certificate } from "node:crypto";
import { findError } from "../../errors/predicates.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { HUNG_UP } from "./handshake-error.ts";

/** Alerts of a server, in OpenSSL's names, that can only be about the certificate of its client, or about there being none. */
const ABOUT_CERTIFICATES: ReadonlySet<string> = new Set([
  "ACCESS_DENIED",
  "BAD_CERTIFICATE",
  "CERTIFICATE_EXPIRED",
  "CERTIFICATE_REQUIRED",
  "CERTIFICATE_REVOKED",
  "CERTIFICATE_UNKNOWN",
  "UNKNOWN_CA",
  "UNSUPPORTED_CERTIFICATE",
]);

/** OpenSSL's code for an alert of the other side, in the names of its different versions; ends with what was alerted. */
const TLS_ALERT = /^ERR_SSL_[A-Z0-9/]+_ALERT_([A-Z_]+)$/;

/** Codes of a connection that its other side has closed. */
const HANGING_UP: ReadonlySet<string> = new Set([HUNG_UP, "UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** What the other side has alerted, such as `BAD_CERTIFICATE`, by the code of an error. */
export function alertOf(code: string | undefined): string | undefined {
  return TLS_ALERT.exec(code ?? "")?.[1];
}

/** Whether an alert is about the certificate of the client. */
export function isAboutCertificate(alert: string): boolean {
  return ABOUT_CERTIFICATES.has(alert);
}

/**
 * Whether a request that got no answer may have failed because its server does not take the client certificate that was shown.
 * Some hang up without a word, Node.js for one, and what others say may be lost when they do.
 */
export function mayRefuseCertificate(error: unknown): boolean {
  const code = String((findError(error)?.cause as { readonly code?: unknown } | undefined)?.code);
  const alert = alertOf(code);
  return HANGING_UP.has(code) || (alert !== undefined && isAboutCertificate(alert));
}

/**
 * The same options with client certificates of which no two are of one kind, to be tried one after another, the first first:
 * OpenSSL holds one of each kind, and shows the one whose kind the server takes. Go chooses among all of them by the
 * authorities that a server names, which Node.js does not tell.
 */
export function certificateChoices(tls: TlsOptions | undefined): readonly (TlsOptions | undefined)[] {
  if ([tls?.cert ?? []].flat().length < 2) return [tls];
  const rounds: Map<string, Pair>[] = [];
  for (const pair of pairsOf(tls)) {
    const kind = kindOf(pair.cert);
    const round = rounds.find((one) => !one.has(kind)) ?? new Map<string, Pair>();
    if (round.size === 0) rounds.push(round);
    round.set(kind, pair);
  }
  return rounds.map((round) => {
    const chosen = [...round.values()];
    return { ...tls, cert: chosen.map(({ cert }) => cert), key: chosen.map(({ key }) => key) };
  });
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** Each pair once. */
function pairsOf({ cert = [], key = [] }: TlsOptions = {}): readonly Pair[] {
  const keys = [key].flat();
  const pairs = [cert].flat().map((pem, at): Pair => ({ cert: pem, key: keys[at] ?? pem }));
  return [...new Map(pairs.map((pair) => [`${pair.cert}\n${pair.key}`, pair])).values()];
}

/** The kind of a certificate's key, such as `rsa`. One that cannot be read is of no other's kind: TLS says what is wrong. */
function kindOf(cert: string): string {
  try {
    return new X509Certificate(cert).publicKey.asymmetricKeyType ?? cert;
  } catch {
    return cert;
  }
}
