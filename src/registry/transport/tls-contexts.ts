import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { TlsOptions } from "../http/tls-options.ts";
import type { ConnectionOptions } from "./connection-options.ts";

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
  return (tls) => {
    let context: SecureContext | undefined;
    return () => {
      context ??= contextOf(tls, shared());
      return context;
    };
  };
}

function contextOf({ ca = [], cert, key }: TlsOptions = {}, authorities: readonly string[]): SecureContext {
  const more = [...authorities, ...ca];
  return createSecureContext({
    ...(more.length > 0 && { ca: [...new Set([...getCACertificates("default"), ...more])] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}
