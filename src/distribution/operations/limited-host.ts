import { HUB_DOMAIN, HUB_REGISTRY } from "../../registry/endpoints/docker-hub.ts";

/** The name under which the bandwidth of an endpoint is limited, out of its origin: that of references, so `docker.io` for Docker Hub. */
export function limitedHost(origin: string): string {
  const { host } = new URL(origin);
  return host === HUB_REGISTRY ? HUB_DOMAIN : host;
}
