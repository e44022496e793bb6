import type { AbortOptions } from "../../async/abort.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Capability, Endpoint } from "./endpoint.ts";
import { formatHostPort, parseHostPort } from "./host-port.ts";
import {
  type InsecureRegistries,
  isInsecure,
  parseInsecureRegistries,
  type ResolveHost,
} from "./insecure.ts";
import { mirrorBaseUrl } from "./mirror.ts";
import { namespaceFor } from "./namespace.ts";
import { v1Twins } from "./v1-twins.ts";

/** What a list of endpoints is wanted for. Mirrors serve pulls only. */
export type Purpose = "pull" | "push";

/** What is wanted: a repository, and of it a tag, a digest or both. */
export type WantedReference = Pick<NormalizedReference, "domain" | "path" | "tag" | "digest">;

/** Which registries a switch is on for: all of them, or the listed host[:port] ones. */
export type RegistrySelection = boolean | readonly string[];

/** How registry names lead to endpoints. */
export type RegistryOptions = {
  /** Mirror URLs per registry, in the order to ask them: `{ "docker.io": ["https://mirror.example"] }`. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  /** host[:port] or CIDR: the certificate is not checked, and plain HTTP is tried when HTTPS fails. */
  readonly insecureRegistries?: readonly string[] | undefined;
  /** Plain HTTP and nothing else. Docker Hub and mirrors (which name their scheme) stay as they are. */
  readonly plainHttp?: RegistrySelection | undefined;
  /** HTTPS without a check of the certificate, and no plain HTTP. For mirrors too, by the mirror's own host. */
  readonly skipTlsVerify?: RegistrySelection | undefined;
  /**
   * host[:port] of registries that speak version 1 of the API, or may hold images that only version 1 knows: it is asked
   * behind version 2. Not Docker Hub, which has it no more.
   */
  readonly v1Registries?: readonly string[] | undefined;
  /** Finds the addresses of a name for the CIDR entries. Default: the system's resolver. */
  readonly resolveHost?: ResolveHost | undefined;
};

/** The domain of Docker Hub in a reference, and the name its credentials are looked up under. */
export const HUB_DOMAIN = "docker.io";

const HUB_ALIAS = "index.docker.io";
const HUB_REGISTRY = "registry-1.docker.io";

const MIRROR_CAPABILITIES: readonly Capability[] = ["pull", "resolve"];
const ALL_CAPABILITIES: readonly Capability[] = ["pull", "resolve", "push", "referrers"];

/**
 * Where what `reference` names is to be found, in the order to ask (moby `lookupV2Endpoints`): its mirrors (for
 * pulls), the registry over HTTPS, for an insecure registry plain HTTP, and for those of `v1Registries` the same by version 1.
 * Loopback hosts are always insecure, Docker Hub never. A name is looked up in DNS only when a CIDR entry might match it; a lookup that fails makes it secure.
 * Throws `ErrInvalidArgument` when the domain or an option is malformed, `ErrCanceled` when the signal fires.
 */
export async function lookupEndpoints(
  reference: WantedReference,
  options: RegistryOptions,
  purpose: Purpose,
  { signal }: AbortOptions = {},
): Promise<Endpoint[]> {
  const registry = registryName(reference.domain);
  const { mirrors, insecure } = parseRegistryOptions(options);
  const isHostInsecure = (host: string): Promise<boolean> =>
    isInsecure(host, insecure, { resolveHost: options.resolveHost, signal });

  const baseUrls = purpose === "pull" ? (mirrors.get(registry) ?? []) : [];
  const mirrorEndpoints = baseUrls.map(async (baseUrl): Promise<Endpoint> => {
    const { host, protocol } = new URL(baseUrl);
    const skipVerify =
      protocol === "https:" && (isSelectedHost(options.skipTlsVerify, host) || (await isHostInsecure(host)));
    const mirror = {
      baseUrl,
      mirror: true,
      capabilities: MIRROR_CAPABILITIES,
      credentialHost: host,
      ...namespaceFor(baseUrl, registry),
    };
    return skipVerify ? { ...mirror, tls: { skipVerify } } : mirror;
  });
  const all = await Promise.all([...mirrorEndpoints, ownEndpoints(registry, options, isHostInsecure)]);
  const endpoints = all.flat();
  return isSelectedHost(options.v1Registries, registry) ? [...endpoints, ...v1Twins(endpoints)] : endpoints;
}

/**
 * Throws `ErrInvalidArgument` for the first malformed mirror, insecure registry or selected host, so that a mistake in the
 * configuration shows at start-up and not with the first pull.
 */
export function checkRegistryOptions(options: RegistryOptions): void {
  parseRegistryOptions(options);
  for (const selection of [options.plainHttp, options.skipTlsVerify]) {
    if (Array.isArray(selection)) selection.forEach(registryName);
  }
  const hub = options.v1Registries?.find((entry) => registryName(entry) === HUB_DOMAIN);
  if (hub === undefined) return;
  throw new ErrInvalidArgument(`Look up registry ${JSON.stringify(hub)}: Docker Hub has no API version 1`);
}

type ParsedOptions = {
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
  readonly insecure: InsecureRegistries;
};

function parseRegistryOptions(options: RegistryOptions): ParsedOptions {
  const mirrors = new Map<string, readonly string[]>();
  for (const [domain, urls] of Object.entries(options.mirrors ?? {})) {
    const registry = registryName(domain);
    mirrors.set(registry, [...new Set([...(mirrors.get(registry) ?? []), ...urls.map(mirrorBaseUrl)])]);
  }
  return { mirrors, insecure: parseInsecureRegistries(options.insecureRegistries ?? []) };
}

async function ownEndpoints(
  registry: string,
  options: RegistryOptions,
  isHostInsecure: (host: string) => Promise<boolean>,
): Promise<Endpoint[]> {
  const isHub = registry === HUB_DOMAIN;
  const endpoint = (scheme: "https" | "http", skipVerify = false): Endpoint => ({
    baseUrl: `${scheme}://${isHub ? HUB_REGISTRY : registry}/v2`,
    mirror: false,
    capabilities: ALL_CAPABILITIES,
    credentialHost: registry,
    ...(skipVerify ? { tls: { skipVerify } } : {}),
  });

  const skipVerify = isSelectedHost(options.skipTlsVerify, registry);
  if (isHub) return [endpoint("https", skipVerify)];
  if (isSelectedHost(options.plainHttp, registry)) return [endpoint("http")];
  if (await isHostInsecure(registry)) return [endpoint("https", true), endpoint("http")];
  return [endpoint("https", skipVerify)];
}

/** Whether a switch is on for host[:port]. Throws `ErrInvalidArgument` for a malformed entry. */
export function isSelectedHost(selection: RegistrySelection | undefined, host: string): boolean {
  return typeof selection === "object"
    ? selection.some((entry) => registryName(entry) === host)
    : selection === true;
}

function registryName(domain: string): string {
  try {
    const name = formatHostPort(parseHostPort(domain));
    return name === HUB_ALIAS ? HUB_DOMAIN : name;
  } catch (cause) {
    throw new ErrInvalidArgument(
      `Look up registry ${JSON.stringify(withoutUserInfo(domain))}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
