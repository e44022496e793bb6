import type { AbortOptions } from "../../async/abort.ts";
import { ALL_CAPABILITIES } from "../configuration/capability.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { HUB_DOMAIN, HUB_REGISTRY } from "./docker-hub.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HostPolicy } from "./host-policy.ts";

/** What is said about a registry where it is named. */
export interface HostOptions extends AbortOptions {
  /** Its certificate is not checked, and plain HTTP is tried when HTTPS fails. */
  readonly insecure?: boolean | undefined;
  /** Counts in the place of certificates for the host that lie elsewhere. */
  readonly tls?: TlsOptions | undefined;
}

/**
 * A registry at its own host (moby `lookupV2Endpoints`): over HTTPS, and where it is insecure over plain HTTP after that.
 * Loopback hosts are always insecure, Docker Hub never.
 */
export async function hostEndpoints(
  registry: string,
  policy: HostPolicy,
  { insecure = false, tls: said, signal }: HostOptions = {},
): Promise<readonly Endpoint[]> {
  const isHub = registry === HUB_DOMAIN;
  const endpoint = (scheme: "https" | "http"): Endpoint => ({
    baseUrl: `${scheme}://${isHub ? HUB_REGISTRY : registry}/v2`,
    mirror: false,
    capabilities: ALL_CAPABILITIES,
    credentialHost: registry,
  });
  if (!isHub && policy.isPlain(registry)) return [endpoint("http")];
  const isInsecure = !isHub && (insecure || (await policy.isInsecure(registry, { signal })));
  const skipVerify = isInsecure || policy.skipsVerification(registry);
  const secured = { ...endpoint("https"), ...(await tlsFor(registry, policy, { said, skipVerify })) };
  return isInsecure ? [secured, endpoint("http")] : [secured];
}

/**
 * How the certificate of a host is checked and which one is shown: as options say, or the file that named it, or its
 * directory.
 */
export async function tlsFor(
  host: string,
  policy: HostPolicy,
  { said, skipVerify }: { readonly said?: TlsOptions | undefined; readonly skipVerify: boolean },
): Promise<Pick<Endpoint, "tls">> {
  const ofFiles = said ?? (await policy.certificates(host));
  const tls = { ...ofFiles, ...(skipVerify && { skipVerify }), ...(await policy.given(host)) };
  return Object.keys(tls).length > 0 ? { tls } : {};
}
