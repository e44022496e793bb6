import type { AbortOptions } from "../../async/abort.ts";
import { ConfigurationFiles } from "../files/configuration-files.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { readDaemonFile } from "./daemon-file.ts";
import type { Endpoint } from "./endpoint.ts";
import { tlsFor } from "./host-endpoints.ts";
import { HostPolicy } from "./host-policy.ts";
import { lookupHost } from "./lookup-endpoints.ts";
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
 * Judges each host by itself: as a registry of that name would be, by the options and by the files that name it, `lookupHost`.
 * Loopback hosts are insecure by themselves. The methods reject with `ErrCanceled` when the signal fires, and with what reading the
 * files throws.
 */
export function hostTrust(options: RegistryOptions = {}, files = new ConfigurationFiles()): HostTrust {
  const withScheme = async (
    host: string,
    scheme: string,
    { signal }: AbortOptions,
  ): Promise<Endpoint | undefined> =>
    (await lookupHost(host, options, { files, signal })).find(({ baseUrl }) => baseUrl.startsWith(scheme));
  return {
    async tlsOf(host, abort = {}) {
      const secured = await withScheme(host, "https:", abort);
      return secured ? (secured.tls ?? {}) : await tlsByHost(host, options, { files, ...abort });
    },
    async allowsPlainHttp(host, abort = {}) {
      return (await withScheme(host, "http:", abort)) !== undefined;
    },
  };
}

/** The same of a host of which no file says how TLS is spoken to it: by its certificates, wherever they are. */
async function tlsByHost(
  host: string,
  options: RegistryOptions,
  { files, signal }: AbortOptions & { readonly files: ConfigurationFiles },
): Promise<TlsOptions> {
  const daemon = await readDaemonFile(files, options);
  const policy = new HostPolicy(options, files, daemon?.insecureRegistries);
  const skipVerify = policy.skipsVerification(host) || (await policy.isInsecure(host, { signal }));
  return (await tlsFor(host, policy, { skipVerify })).tls ?? {};
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
