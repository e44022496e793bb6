import type { Capability } from "../configuration/capability.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { originOfUrl } from "../http/url-origin.ts";

/** One place that may serve a repository. A reference leads to a list of them, tried in order. */
export interface Endpoint {
  /** Scheme, host, port and path up to and including `/v2` (a hosts.toml may name another one), without a slash at the end. */
  readonly baseUrl: string;
  /** A mirror's "not here" or "not you" never ends the pull: the next endpoint is asked. */
  readonly mirror: boolean;
  readonly capabilities: readonly Capability[];
  /**
   * The name under which credentials for this endpoint are looked up: `docker.io` for Docker Hub itself, otherwise
   * host[:port] of `baseUrl`. Never the registry that a mirror stands for.
   */
  readonly credentialHost: string;
  /** The version of its API. Absent: 2; the `baseUrl` of version 1 ends in `/v1`. */
  readonly version?: 1 | 2;
  /**
   * The registry of the reference, for an endpoint that serves somebody else's repositories: every request tells it as the
   * query `ns` (containerd).
   */
  readonly namespace?: string;
  /** Path of the repository at this endpoint, where the configuration rewrites it. Absent: as in the reference. */
  readonly repository?: string;
  /** Sent with every request to this endpoint, and to a token server at its own origin. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: TlsOptions;
  /** Longest time until a connection stands, in milliseconds. Absent: the transport's. */
  readonly connectTimeoutMs?: number;
  /** In the registry's place, but at another host: what a caller gave as credentials for that registry is not for it. */
  readonly foreign?: boolean;
  /** What configured it, for messages: `FILE:LINE:COLUMN`, or a file. */
  readonly source?: string;
}

/** Scheme, host and port of an endpoint. */
export function originOf(endpoint: Endpoint): string {
  return originOfUrl(endpoint.baseUrl);
}
