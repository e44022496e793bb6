import { HUB_DOMAIN, HUB_REGISTRY } from "./docker-hub.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * What an endpoint at `baseUrl` is told of `registry`, for whose repositories it is asked: its name, unless it is that registry
 * itself (containerd's `ns`). docker.io has two names.
 */
export function namespaceFor(baseUrl: string, registry: string): Pick<Endpoint, "namespace"> {
  const { host, protocol } = new URL(baseUrl);
  const own =
    registry === HUB_DOMAIN ? [HUB_DOMAIN, HUB_REGISTRY] : [new URL(`${protocol}//${registry}`).host];
  return own.includes(host) ? {} : { namespace: registry };
}
