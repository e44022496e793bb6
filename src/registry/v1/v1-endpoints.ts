import type { AbortOptions } from "../../async/abort.ts";
import { type Endpoint, originOf } from "../endpoints/endpoint.ts";
import { formatHostPort, parseHostPort } from "../endpoints/host-port.ts";
import { type HostTrust, tlsBeyond } from "../endpoints/host-trust.ts";
import type { TlsOptions } from "../http/tls-options.ts";

/** Hosts that an index may name: more are not looked at. */
const MAX_HOSTS = 4;

/** A host that has the images which an index lists. */
export interface V1Host {
  /** Up to and including `/v1`. */
  readonly baseUrl: string;
  /** Whether it is at the endpoint's own origin, and so may see what only the endpoint may see. */
  readonly own: boolean;
  readonly tls: TlsOptions | undefined;
}

/** What named hosts are judged by. */
export interface NamedHostOptions extends AbortOptions {
  readonly endpoint: Endpoint;
  /** What is configured about a host. */
  readonly trust: HostTrust;
}

/** The endpoint itself as a host of images. */
export function ownHost({ baseUrl, tls }: Endpoint): V1Host {
  return { baseUrl, own: true, tls };
}

/**
 * The hosts that `X-Docker-Endpoints` names, best first; the endpoint itself where it names none. What is no host[:port] is
 * passed over. Another host than the endpoint's own is spoken to as it is configured itself: over TLS, whose certificate is
 * checked unless that host is insecure; in plain only where the index is, and plain HTTP to that host is allowed.
 */
export async function namedHosts(
  header: string | undefined,
  options: NamedHostOptions,
): Promise<readonly V1Host[]> {
  const hosts = new Map<string, V1Host>();
  for (const text of (header ?? "").split(",", MAX_HOSTS)) {
    const host = await namedHost(text.trim(), options);
    if (host && !hosts.has(host.baseUrl)) hosts.set(host.baseUrl, host);
  }
  return hosts.size > 0 ? [...hosts.values()] : [ownHost(options.endpoint)];
}

async function namedHost(
  text: string,
  { endpoint, trust, signal }: NamedHostOptions,
): Promise<V1Host | undefined> {
  const host = canonicalHost(text);
  if (host === undefined) return undefined;
  const { protocol } = new URL(endpoint.baseUrl);
  const twin = `${protocol}//${host}`;
  if (URL.canParse(twin) && new URL(twin).origin === originOf(endpoint)) return ownHost(endpoint);
  if (protocol === "http:" && (await trust.allowsPlainHttp(host, { signal }))) {
    return { baseUrl: `http://${host}/v1`, own: false, tls: undefined };
  }
  const tls = await tlsBeyond(endpoint, host, { trust, signal });
  return { baseUrl: `https://${host}/v1`, own: false, tls };
}

function canonicalHost(text: string): string | undefined {
  try {
    return formatHostPort(parseHostPort(text));
  } catch {
    return undefined;
  }
}
