import type { AbortOptions } from "../../async/abort.ts";
import { isInsecure, parseInsecureRegistries } from "./insecure.ts";
import { isSelectedHost, type RegistryOptions } from "./lookup-endpoints.ts";

/** What the configuration says about a host to which an endpoint leads: a token server, for instance. */
export interface HostTrust {
  /** Whether its certificate may go unchecked. */
  skipsVerification(host: string, options?: AbortOptions): Promise<boolean>;
  /** Whether secrets may go to it by plain HTTP. */
  allowsPlainHttp(host: string, options?: AbortOptions): Promise<boolean>;
}

/**
 * Judges each host by itself: as the endpoints of a registry of that name would be. Loopback hosts are
 * insecure by themselves. The methods reject with `ErrCanceled` when the signal fires.
 */
export function hostTrust(options: RegistryOptions = {}): HostTrust {
  const insecure = parseInsecureRegistries(options.insecureRegistries ?? []);
  const { resolveHost } = options;
  return {
    skipsVerification: async (host, { signal } = {}) =>
      isSelectedHost(options.skipTlsVerify, host) || isInsecure(host, insecure, { resolveHost, signal }),
    allowsPlainHttp: async (host, { signal } = {}) =>
      isSelectedHost(options.plainHttp, host) || isInsecure(host, insecure, { resolveHost, signal }),
  };
}
