import type { AbortOptions } from "../../async/abort.ts";
import { ConfigurationFiles } from "../files/configuration-files.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { readDaemonFile } from "./daemon-file.ts";
import type { Endpoint } from "./endpoint.ts";
import { tlsFor } from "./host-endpoints.ts";
import { HostPolicy } from "./host-policy.ts";
import type { RegistryOptions } from "./registry-options.ts";

/** What the configuration says about a host to which an endpoint leads: a token server, for instance. */
export interface HostTrust {
  /**
   * Whether its certificate may go unchecked, by which authorities it is checked besides those of the system, and which client
   * certificate is for it.
   */
  tlsOf(host: string, options?: AbortOptions): Promise<TlsOptions>;
  /** Whether secrets may go to it by plain HTTP. */
  allowsPlainHttp(host: string, options?: AbortOptions): Promise<boolean>;
}

/**
 * Judges each host by itself: as the endpoints of a registry of that name would be, by the options, by its certificates in
 * docker's layout and by docker's daemon.json. Loopback hosts are insecure by themselves. The methods reject with `ErrCanceled`
 * when the signal fires, and with what reading the files throws.
 */
export function hostTrust(options: RegistryOptions = {}, files = new ConfigurationFiles()): HostTrust {
  const policy = async (): Promise<HostPolicy> => {
    const daemon = await readDaemonFile(files, options);
    return new HostPolicy(options, files, daemon?.insecureRegistries);
  };
  return {
    async tlsOf(host, { signal } = {}) {
      const hosts = await policy();
      const skipVerify = hosts.skipsVerification(host) || (await hosts.isInsecure(host, { signal }));
      return (await tlsFor(host, hosts, { skipVerify })).tls ?? {};
    },
    async allowsPlainHttp(host, { signal } = {}) {
      const hosts = await policy();
      return hosts.isPlain(host) || (await hosts.isInsecure(host, { signal }));
    },
  };
}

/**
 * How TLS is spoken to another host to which an endpoint leads: by what is configured for that host, and trusting whom the endpoint's
 * certificate may come from as well. It sees no client certificate but its own, and is not unchecked because the endpoint is.
 */
export async function tlsBeyond(
  { tls: { ca = [] } = {} }: Pick<Endpoint, "tls">,
  host: string,
  { trust, signal }: AbortOptions & { readonly trust: HostTrust },
): Promise<TlsOptions> {
  const own = await trust.tlsOf(host, { signal });
  const authorities = [...new Set([...(own.ca ?? []), ...ca])];
  return { ...own, ...(authorities.length > 0 && { ca: authorities }) };
}
