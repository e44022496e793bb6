import type { Endpoint } from "./endpoint.ts";

/** End of the base URL of an endpoint that speaks version 2. */
const V2_PATH = /\/v2$/;

/**
 * The endpoints of version 1 of a registry that has `endpoints`: beside each of its own a twin that differs by the version
 * alone, in their order. A mirror has none, and neither has an endpoint whose API lies at a path of its own.
 */
export function v1Twins(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const own = endpoints.filter(({ mirror, baseUrl }) => !mirror && V2_PATH.test(baseUrl));
  return own.map((endpoint) => ({
    ...endpoint,
    baseUrl: endpoint.baseUrl.replace(V2_PATH, "/v1"),
    version: 1,
  }));
}
