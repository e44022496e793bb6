import type { AbortOptions } from "../../async/abort.ts";
import type { Capability } from "../configuration/capability.ts";
import type { Endpoint } from "./endpoint.ts";
import { tlsFor } from "./host-endpoints.ts";
import type { HostPolicy } from "./host-policy.ts";
import { mirrorBaseUrl } from "./mirror.ts";
import { namespaceFor } from "./namespace.ts";

const MIRROR_CAPABILITIES: readonly Capability[] = ["pull", "resolve"];

/** Which mirrors are meant, of whom. */
export interface MirrorOptions extends AbortOptions {
  readonly registry: string;
  readonly urls: readonly string[];
  /** Where a file names them. */
  readonly source?: string | undefined;
}

/** Mirrors by their URLs, each once. They serve pulls only. Throws `ErrInvalidArgument` for a malformed URL. */
export async function mirrorEndpoints(
  { registry, urls, source, signal }: MirrorOptions,
  policy: HostPolicy,
): Promise<readonly Endpoint[]> {
  const baseUrls = [...new Set(urls.map(mirrorBaseUrl))];
  return await Promise.all(
    baseUrls.map(async (baseUrl): Promise<Endpoint> => {
      const { host, protocol } = new URL(baseUrl);
      const mirror = {
        baseUrl,
        mirror: true,
        capabilities: MIRROR_CAPABILITIES,
        credentialHost: host,
        ...namespaceFor(baseUrl, registry),
        ...(source !== undefined && { source }),
      };
      if (protocol === "http:") return mirror;
      const skipVerify = policy.skipsVerification(host) || (await policy.isInsecure(host, { signal }));
      return { ...mirror, ...(await tlsFor(host, policy, { skipVerify })) };
    }),
  );
}
