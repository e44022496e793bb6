import { DEFAULT_DOMAIN, LEGACY_DEFAULT_DOMAIN } from "../../reference/docker-domain.ts";

/** The domain of Docker Hub in a reference, and the name its credentials are looked up under. */
export const HUB_DOMAIN = DEFAULT_DOMAIN;

/** What Docker Hub was called in references, and still is in configurations. */
export const HUB_ALIAS = LEGACY_DEFAULT_DOMAIN;

/** Where the API of Docker Hub is. */
export const HUB_REGISTRY = "registry-1.docker.io";

const HUB_HOSTS: ReadonlySet<string> = new Set([
  HUB_DOMAIN,
  HUB_ALIAS,
  HUB_REGISTRY,
  "registry.hub.docker.com",
]);

/** Whether a host, in lower case, is one of the names of Docker Hub that are found in configurations. */
export function isHubHost(host: string): boolean {
  return HUB_HOSTS.has(host);
}

/** `baseUrl`, at the host that has the API where it names Docker Hub as references do. */
export function withHubRegistry(baseUrl: string): string {
  const origins = [HUB_DOMAIN, HUB_ALIAS].map((host) => `https://${host}`);
  const origin = origins.find((each) => baseUrl === each || baseUrl.startsWith(`${each}/`));
  return origin === undefined ? baseUrl : `https://${HUB_REGISTRY}${baseUrl.slice(origin.length)}`;
}
