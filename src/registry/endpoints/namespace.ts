import type { Endpoint } from "./endpoint.ts";

/**
 * What an endpoint at `baseUrl` is told of `registry`, for whose repositories it is asked: its name, unless it is that registry
 * itself (containerd's `ns`). docker.io has two names.
 */
export function namespaceFor(baseUrl: string, registry: string): Pick<Endpoint, "namespace"> {
  const { host, protocol } = new URL(baseUrl);
  const own =
    registry === "docker.io"
      ? ["docker.io", "registry-1.docker.io"]
      : [new URL(`${protocol}//${registry}`).host];
  return own.includes(host) ? {} : { namespace: registry };
}
