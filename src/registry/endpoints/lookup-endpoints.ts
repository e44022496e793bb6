import type { AbortOptions } from "../../async/abort.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { findHostsDirectory } from "../configuration/hosts-directory.ts";
import { readRegistries } from "../configuration/registries-files.ts";
import { matchRegistry, type RegistryMatch } from "../configuration/registries-match.ts";
import { ConfigurationFiles } from "../files/configuration-files.ts";
import { chosen } from "./chosen-endpoints.ts";
import { readDaemonFile } from "./daemon-file.ts";
import { HUB_DOMAIN } from "./docker-hub.ts";
import type { Endpoint } from "./endpoint.ts";
import { hostEndpoints } from "./host-endpoints.ts";
import { HostPolicy } from "./host-policy.ts";
import { checkHostTls } from "./host-tls.ts";
import { hostsEndpoints } from "./hosts-endpoints.ts";
import { parseInsecureRegistries } from "./insecure.ts";
import { mirrorBaseUrl } from "./mirror.ts";
import { mirrorEndpoints } from "./mirror-endpoints.ts";
import { pathsOf } from "./path-list.ts";
import { nameOf, refuseBlocked, registriesEndpoints } from "./registries-endpoints.ts";
import {
  isSelectedHost,
  type Purpose,
  type RegistryOptions,
  registryName,
  type WantedReference,
} from "./registry-options.ts";
import { v1Twins } from "./v1-twins.ts";

/** How a lookup is done. */
export interface LookupOptions extends AbortOptions {
  /**
   * Files that were read before are not read again while they stay as they are.
   * @hidden no door has what it takes
   */
  readonly files?: ConfigurationFiles | undefined;
}

/**
 * Where what `reference` names is to be found, in the order to ask: mirrors of the options (for pulls), then what the
 * first of these says about the registry: its directory with a hosts.toml, registries.conf, daemon.json, or nobody:
 * then the registry over HTTPS, and an insecure one over plain HTTP; at last, for those of `v1Registries`, the same
 * by version 1. Loopback hosts are always insecure, Docker Hub never. A name is looked up in DNS only when a CIDR
 * entry might match it; a lookup that fails makes it secure. For a tag there may be endpoints that only `resolve`,
 * and such that only `pull` what it names.
 *
 * Who embeds us has the last word (`chooseEndpoints`).
 *
 * Throws `ErrInvalidArgument` when the domain, an option or a file is malformed, `ErrPermissionDenied` for a registry that is
 * blocked, the classes of `diskError` for a file that cannot be read, `ErrCanceled` when the signal fires.
 */
export async function lookupEndpoints(
  reference: WantedReference,
  options: RegistryOptions,
  purpose: Purpose,
  { signal, files = new ConfigurationFiles() }: LookupOptions = {},
): Promise<Endpoint[]> {
  const lookup = { reference, options, purpose, files, signal };
  const registry = registryName(reference.domain);
  checkNames(options);
  const policy = new HostPolicy(options, files);
  const urls = purpose === "pull" ? mirrorsOf(options, registry) : [];
  const found = await Promise.all([
    mirrorEndpoints({ registry, urls, signal }, policy),
    configuredEndpoints(registry, lookup),
  ]);
  const endpoints = found.flat().filter(({ capabilities }) => {
    if (purpose === "push") return capabilities.includes("push");
    return (
      capabilities.includes("pull") || (reference.digest === undefined && capabilities.includes("resolve"))
    );
  });
  const twins = isSelectedHost(options.v1Registries, registry) ? v1Twins(endpoints) : [];
  const all = [...endpoints, ...twins];
  const { chooseEndpoints } = options;
  return chooseEndpoints
    ? await chosen(chooseEndpoints, { reference, purpose, endpoints: all }, signal)
    : all;
}

/**
 * Throws `ErrInvalidArgument` for the first malformed mirror, insecure registry, selected host or certificate, so
 * that a mistake in the configuration shows at start-up and not with the first pull.
 */
export function checkRegistryOptions(options: RegistryOptions): void {
  checkNames(options);
  for (const [host, tls] of Object.entries(options.tls ?? {})) checkHostTls(tls, host);
}

function checkNames(options: RegistryOptions): void {
  for (const [domain, urls] of Object.entries(options.mirrors ?? {})) {
    registryName(domain);
    urls.forEach(mirrorBaseUrl);
  }
  parseInsecureRegistries(options.insecureRegistries ?? []);
  for (const selection of [options.plainHttp, options.skipTlsVerify, Object.keys(options.tls ?? {})]) {
    if (typeof selection === "object") selection.forEach(registryName);
  }
  const hub = options.v1Registries?.find((entry) => registryName(entry) === HUB_DOMAIN);
  if (hub === undefined) return;
  throw new ErrInvalidArgument(`Look up registry ${JSON.stringify(hub)}: Docker Hub has no API version 1`);
}

/** One lookup. */
interface Lookup extends AbortOptions {
  readonly reference: WantedReference;
  readonly options: RegistryOptions;
  readonly purpose: Purpose;
  readonly files: ConfigurationFiles;
}

function mirrorsOf({ mirrors = {} }: RegistryOptions, registry: string): readonly string[] {
  return Object.entries(mirrors).flatMap(([domain, urls]) => (registryName(domain) === registry ? urls : []));
}

/**
 * A host by itself, as the registry of that name would be pushed to: over HTTPS, over plain HTTP, or both, by the first file that
 * says anything about it. None where a file says only where else its images are. Throws like `lookupEndpoints`, but of no registry
 * that is blocked: what is wanted of the host is no image.
 */
export async function lookupHost(
  host: string,
  options: RegistryOptions,
  { signal, files = new ConfigurationFiles() }: LookupOptions = {},
): Promise<readonly Endpoint[]> {
  const registry = registryName(host);
  const reference = { domain: registry, path: "" };
  const lookup = { reference, options, purpose: "push", files, signal } as const;
  const match = await findRegistry(registry, lookup);
  const endpoints = await endpointsBy(match, registry, lookup);
  return endpoints.filter(({ baseUrl }) => registryName(new URL(baseUrl).host) === registry);
}

/** The endpoints by the first file that says anything about the registry. */
async function configuredEndpoints(registry: string, lookup: Lookup): Promise<readonly Endpoint[]> {
  const match = await findRegistry(registry, lookup);
  if (match) refuseBlocked(match); // holds whoever says where the registry is
  return await endpointsBy(match, registry, lookup);
}

async function endpointsBy(
  match: RegistryMatch | undefined,
  registry: string,
  { reference, options, purpose, files, signal }: Lookup,
): Promise<readonly Endpoint[]> {
  const policy = new HostPolicy(options, files);
  const directory = await findHostsDirectory(files, pathsOf(options.hostsDir), registry);
  if (directory?.hosts) return await hostsEndpoints(directory, { registry, files, policy, signal });
  if (match) return await registriesEndpoints(match, { reference, purpose, policy, signal });
  const daemon = await readDaemonFile(files, options);
  const own = new HostPolicy(options, files, daemon?.insecureRegistries);
  const urls = purpose === "pull" && registry === HUB_DOMAIN ? (daemon?.mirrors ?? []) : [];
  const mirrors = mirrorEndpoints({ registry, urls, source: daemon?.path, signal }, own);
  const host = directory
    ? hostsEndpoints(directory, { registry, files, policy: own, signal })
    : hostEndpoints(registry, own, { signal });
  return (await Promise.all([mirrors, host])).flat();
}

async function findRegistry(
  registry: string,
  { reference, options, files }: Lookup,
): Promise<RegistryMatch | undefined> {
  const entries = await readRegistries(files, pathsOf(options.registriesConf));
  return matchRegistry(entries, nameOf(reference, registry));
}
