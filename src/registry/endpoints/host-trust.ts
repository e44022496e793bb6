import type { AbortOptions } from "../../async/abort.ts";
import { ConfigurationFiles } from "../configuration/configuration-files.ts";
import { readDaemonFile } from "./daemon-file.ts";
import { HostPolicy } from "./host-policy.ts";
import type { RegistryOptions } from "./registry-options.ts";

/** What the configuration says about a host to which an endpoint leads: a token server, for instance. */
export interface HostTrust {
  /** Whether its certificate may go unchecked. */
  skipsVerification(host: string, options?: AbortOptions): Promise<boolean>;
  /** Whether secrets may go to it by plain HTTP. */
  allowsPlainHttp(host: string, options?: AbortOptions): Promise<boolean>;
}

/**
 * Judges each host by itself: as the endpoints of a registry of that name would be, by the options and by docker's daemon.json.
 * Loopback hosts are insecure by themselves. The methods reject with `ErrCanceled` when the signal fires.
 */
export function hostTrust(options: RegistryOptions = {}, files = new ConfigurationFiles()): HostTrust {
  const policy = async (): Promise<HostPolicy> => {
    const daemon = await readDaemonFile(files, options);
    return new HostPolicy(options, files, daemon?.insecureRegistries);
  };
  return {
    async skipsVerification(host, { signal } = {}) {
      const hosts = await policy();
      return hosts.skipsVerification(host) || (await hosts.isInsecure(host, { signal }));
    },
    async allowsPlainHttp(host, { signal } = {}) {
      const hosts = await policy();
      return hosts.isPlain(host) || (await hosts.isInsecure(host, { signal }));
    },
  };
}
