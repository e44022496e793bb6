import type { SecureContext, SecureContextOptions } from "node:tls";
import type { TlsOptions } from "../http/tls-options.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { isKnownAuthority } from "./known-authorities.ts";
import { nodeTls } from "./node-tls.ts";

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
      context ??= options?.skipVerify ? uncheckedContext(options) : contextOf(options, shared());
      return context;
    };
  };
}

/** Where no certificate is checked no authority is needed: to read those of the system takes longer than a small pull. */
function uncheckedContext(options: TlsOptions): SecureContext {
  return nodeTls().createSecureContext({ ca: [], ...ownCertificate(options) });
}

function contextOf(options: TlsOptions = {}, authorities: readonly string[]): SecureContext {
  const more = [...new Set([...authorities, ...(options.ca ?? [])])].filter((pem) => !isKnownAuthority(pem));
  return nodeTls().createSecureContext({
    ...(more.length > 0 && { ca: [...nodeTls().getCACertificates("default"), ...more] }),
    ...ownCertificate(options),
  });
}

function ownCertificate({ cert, key }: TlsOptions): Pick<SecureContextOptions, "cert" | "key"> {
  return {
    ...(cert !== undefined && { cert: [cert].flat() }),
    ...(key !== undefined && { key: [key].flat() }),
  };
}
