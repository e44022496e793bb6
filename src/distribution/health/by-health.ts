import { ErrUnavailable } from "../../errors/classes.ts";
import { type Endpoint, originOf } from "../../registry/endpoints/endpoint.ts";
import type { EndpointHealth, Probe } from "./endpoint-health.ts";
import type { Illness } from "./illness.ts";

/** Something at an endpoint, and why all that are not ill are asked before it, if they are. */
export interface Placed<S> {
  readonly station: S;
  readonly setBack: ErrUnavailable | undefined;
}

/** What decides about an order. */
export interface ByHealthOptions {
  readonly health: EndpointHealth;
  /** What asks an endpoint how it is. */
  readonly probe: (endpoint: Endpoint) => Probe;
}

/** Whether there is more than one host among the endpoints; otherwise their health decides nothing. */
export function haveAlternatives(stations: readonly { readonly endpoint: Endpoint }[]): boolean {
  return new Set(stations.map(hostOf)).size > 1;
}

/**
 * Stations in the order in which to ask them: hosts that are ill come last, and otherwise all stay as they are; so do
 * all when all are ill. The schemes of one host stay together, because plain HTTP must not come before TLS, and so
 * does version 1 of the API behind version 2. An endpoint whose illness is due is probed meanwhile.
 */
export async function byHealth<S extends { readonly endpoint: Endpoint }>(
  stations: readonly S[],
  { health, probe }: ByHealthOptions,
): Promise<readonly Placed<S>[]> {
  if (!haveAlternatives(stations)) return stations.map((station) => ({ station, setBack: undefined }));
  const found = await Promise.all(
    stations.map(async (station) => ({ station, found: await health.illnessOf(originOf(station.endpoint)) })),
  );
  for (const { station, found: state } of found) {
    if (state?.due) health.probe(originOf(station.endpoint), probe(station.endpoint));
  }
  const wellHosts = new Set(found.filter((each) => !each.found).map(({ station }) => hostOf(station)));
  const placed = found.map(({ station, found: state }) => {
    const isIll = state !== undefined && !wellHosts.has(hostOf(station));
    return { station, setBack: isIll ? askedLast(station.endpoint, state.illness) : undefined };
  });
  return placed.toSorted((one, other) => rank(one) - rank(other));
}

function rank({ station, setBack }: Placed<{ readonly endpoint: Endpoint }>): number {
  return (station.endpoint.version === 1 ? 2 : 0) + (setBack ? 1 : 0);
}

function askedLast(endpoint: Endpoint, { why }: Illness): ErrUnavailable {
  const origin = originOf(endpoint);
  const details = { endpoint: origin, retryable: false, notSent: true };
  return new ErrUnavailable(`${origin}: asked last, because it has failed before: ${why}`, details);
}

/** Whoever has this host and port speaks for both schemes. */
function hostOf({ endpoint }: { readonly endpoint: Endpoint }): string {
  const { host, protocol, port } = new URL(endpoint.baseUrl);
  return port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
}
