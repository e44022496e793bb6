import type { HttpRequest } from "./send.ts";
import type { TlsOptions } from "./tls-options.ts";

/**
 * What still goes along when a request leaves its origin. A list of what is kept, not of what is dropped: whatever header
 * a user or a hosts.toml adds may be a credential.
 */
const KEPT_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "content-length",
  "content-range",
  "content-type",
  "range",
  "user-agent",
]);

/**
 * `request` as it may go to an origin that has no right to our credentials: without any header that is not known to
 * be harmless, without token scopes and client certificate, and for good: it stays a stranger also where the way
 * leads back to an endpoint of ours, because whoever chose that way must not make us show our credentials. How the
 * server's certificate is checked stays the same, as in moby and containerd.
 */
export function asStranger({
  scopes: _scopes,
  connectTimeoutMs: _connectTimeoutMs,
  headers = {},
  tls,
  ...request
}: HttpRequest): HttpRequest {
  const kept = Object.entries(headers).filter(([name]) => KEPT_HEADERS.has(name));
  return {
    ...request,
    headers: Object.fromEntries(kept),
    tls: tls && withoutClientCertificate(tls),
    stranger: true,
  };
}

function withoutClientCertificate({ skipVerify = false, ca = [] }: TlsOptions): TlsOptions {
  return ca.length > 0 ? { skipVerify, ca } : { skipVerify };
}
