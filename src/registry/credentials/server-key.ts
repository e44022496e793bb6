import { ErrInvalidArgument } from "../../errors/classes.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import { HUB_DOMAIN, isHubHost } from "../endpoints/docker-hub.ts";
import { formatHostPort, parseHostPort } from "../endpoints/host-port.ts";

/** A key of docker's configuration, taken apart. */
export interface ServerKey {
  /**
   * host[:port] in one spelling: lower-case, without a default port, every name of Docker Hub as `docker.io`.
   */
  readonly host: string;
  /**
   * What comes behind the host, as in podman's `registry.example/team`: part of a repository's path. Empty
   * for all of them.
   */
  readonly namespace: string;
}

/** What docker has written behind a host in its time; it names the version of an API and no repository. */
const API_PATHS: ReadonlySet<string> = new Set(["", "v1", "v2"]);

/**
 * Takes a key apart: `https://host/v1/`, `host/v1/`, `host` (docker), `host/team/app` (podman). Behind a
 * scheme every path is that of an API.
 */
export function parseServerKey(key: string): ServerKey {
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*)$/is.exec(key) ?? [];
  const slash = rest.indexOf("/");
  const host = slash === -1 ? rest : rest.slice(0, slash);
  const path = slash === -1 ? "" : rest.slice(slash + 1).replace(/\/+$/, "");
  const isApi = scheme !== undefined || API_PATHS.has(path);
  return { host: canonicalHost(host, scheme), namespace: isApi ? "" : path };
}

/**
 * The host that somebody wants to log in to, however he writes it: `https://registry.example/v1/` is `registry.example`, every
 * name of Docker Hub `docker.io`. Throws `ErrInvalidArgument` for what is no host, and for a namespace: it is registries
 * that check a login.
 */
export function loginHost(server: string): string {
  const { host, namespace } = parseServerKey(server.trim());
  if (namespace !== "") {
    throw new ErrInvalidArgument(
      `Log in at ${withoutUserInfo(host)}: got the namespace "${namespace}", wanted a host alone`,
    );
  }
  return formatHostPort(parseHostPort(host));
}

/** The host of a lookup in the spelling of `ServerKey.host`. */
export function canonicalHost(host: string, scheme = "https"): string {
  const defaultPort = scheme.toLowerCase() === "http" ? ":80" : ":443";
  const lower = host.toLowerCase();
  const name = lower.endsWith(defaultPort) ? lower.slice(0, -defaultPort.length) : lower;
  return isHubHost(name) ? HUB_DOMAIN : name;
}

/**
 * The keys that are about `repository` at `host`, best first: the longest namespace, then the very spelling
 * of `host`, then the order of the file. Without a repository only those about the whole host.
 */
export function matchingKeys(
  keys: readonly string[],
  { host, repository = "" }: { readonly host: string; readonly repository?: string | undefined },
): readonly string[] {
  const wanted = canonicalHost(host);
  return keys
    .map((key) => ({ key, ...parseServerKey(key) }))
    .filter((found) => found.host === wanted && `${repository}/`.startsWith(prefixOf(found)))
    .toSorted((a, b) => b.namespace.length - a.namespace.length || rank(a.key, host) - rank(b.key, host))
    .map(({ key }) => key);
}

function prefixOf({ namespace }: ServerKey): string {
  return namespace === "" ? "" : `${namespace}/`;
}

function rank(key: string, host: string): number {
  return key === host ? 0 : 1;
}
