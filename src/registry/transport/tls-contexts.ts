import tls, { type SecureContext } from "node:tls";
import type { TlsOptions } from "../http/tls-options.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { isKnownAuthority } from "./known-authorities.ts";

/**
 * Makes the TLS context of connections with `tls`, at its first use and once: to parse the authorities again each time
 * would take longer than the handshake.
 */
export function tlsContexts(
  authorities: ConnectionOptions["authorities"],
): (tls: TlsOptions | undefined) => () => SecureContext {
  let trusted: readonly string[] | undefined;
  const shared = (): readonly string[] => {
    trusted ??= typeof authorities === "function" ? authorities() : (authorities ?? []);
    return trusted;
  };
  return (options) => {
    let context: SecureContext | undefined;
    return () => {
      context ??= contextOf(options, shared());
      return context;
    };
  };
}

function contextOf({ ca = [], cert, key }: TlsOptions = {}, authorities: readonly string[]): SecureContext {
  const more = [...new Set([...authorities, ...ca])].filter((pem) => !isKnownAuthority(pem));
  return tls.createSecureContext({
    ...(more.length > 0 && { ca: [...tls.getCACertificates("default"), ...more] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}
