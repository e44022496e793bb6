import { BlockList } from "node:net";
import { type AbortOptions, abortable, throwIfAborted } from "../../async/abort.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import { addressFamily } from "../http/address-family.ts";
import { addNetwork, isInNetworks, LOOPBACK } from "../http/ip-networks.ts";
import { formatHostPort, parseHostPort } from "./host-port.ts";

/** Every address of a host name. Rejects when the name is not known. */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>;

/** The registries that may be spoken to without a verified certificate. */
export type InsecureRegistries = {
  /** host[:port] in canonical spelling; the port must match too. */
  readonly hosts: ReadonlySet<string>;
  /** The configured networks; `undefined` when there are none, so that no name is ever looked up for them. */
  readonly networks: BlockList | undefined;
};

/** The system's resolver, `/etc/hosts` included. */
export const systemResolveHost: ResolveHost = async (hostname) => {
  const { lookup } = process.getBuiltinModule("node:dns/promises"); // only where networks are configured
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
};

/**
 * Parses the `insecureRegistries` option: each entry is a network in CIDR form or host[:port]; a leading `http://` or
 * `https://` is dropped (moby `loadInsecureRegistries`). Throws `ErrInvalidArgument` for the first bad entry.
 */
export function parseInsecureRegistries(entries: readonly string[]): InsecureRegistries {
  const hosts = new Set<string>();
  const networks = new BlockList();
  for (const entry of entries) {
    const text = entry.replace(/^https?:\/\//i, "");
    if (!addNetwork(networks, text)) hosts.add(hostOfEntry(text));
  }
  return { hosts, networks: networks.rules.length > 0 ? networks : undefined };
}

function hostOfEntry(text: string): string {
  const action = `Parse insecure registry ${JSON.stringify(withoutUserInfo(text))}`;
  if (text.includes("://")) throw new ErrInvalidArgument(`${action}: got a scheme other than http and https`);
  if (/^-|-$/.test(text)) throw new ErrInvalidArgument(`${action}: got a hyphen at the beginning or end`);
  try {
    return formatHostPort(parseHostPort(text));
  } catch (cause) {
    throw new ErrInvalidArgument(`${action}: ${(cause as Error).message}`, { cause });
  }
}

/** How a host is judged. */
export interface InsecurityOptions extends AbortOptions {
  /** Default: the system's. */
  readonly resolveHost?: ResolveHost | undefined;
  /** Whether a loopback address or name is insecure by itself. Default true. */
  readonly loopback?: boolean | undefined;
}

/**
 * Whether host[:port] is insecure: it is listed, it is a loopback address or name, or one of its addresses is in a
 * configured network. A name that cannot be resolved is secure (moby `isSecureIndex`). Differs from moby in one point:
 * a name counts as loopback by its own look only (`localhost`, `*.localhost`, RFC 6761 section 6.3), because otherwise
 * anyone who can forge a DNS answer could switch off TLS for every registry.
 */
export async function isInsecure(
  host: string,
  registries: InsecureRegistries,
  { resolveHost = systemResolveHost, signal, loopback = true }: InsecurityOptions,
): Promise<boolean> {
  const parsed = parseHostPort(host);
  const { hostname } = parsed;
  if (registries.hosts.has(formatHostPort(parsed)) || (loopback && isLoopback(hostname))) return true;
  const { networks } = registries;
  if (!networks) return false;
  if (addressFamily(hostname) !== 0) return isInNetworks(networks, hostname);
  const addresses = await abortable(resolveHost(hostname), signal).catch(() => {
    throwIfAborted(signal);
    return []; // the failed lookup shows again, with its reason, when the host is connected to
  });
  return addresses.some((address) => isInNetworks(networks, address));
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || isInNetworks(LOOPBACK, hostname);
}
