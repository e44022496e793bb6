import type { AbortOptions } from "../../async/abort.ts";
import { readCertificates } from "../configuration/certificate-files.ts";
import type { HostsDirectory } from "../configuration/hosts-directory.ts";
import type { HostEntry } from "../configuration/hosts-toml.ts";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { withHubRegistry } from "./docker-hub.ts";
import type { Endpoint } from "./endpoint.ts";
import { hostEndpoints, tlsFor } from "./host-endpoints.ts";
import type { HostPolicy } from "./host-policy.ts";
import { namespaceFor } from "./namespace.ts";

/** What endpoints of a hosts.toml are made with. */
interface HostsContext extends AbortOptions {
  readonly registry: string;
  readonly files: ConfigurationFiles;
  readonly policy: HostPolicy;
}

/** The endpoints of a registry by its directory in containerd's layout. Throws what reading its certificates throws. */
export async function hostsEndpoints(
  { hosts, certificates }: HostsDirectory,
  context: HostsContext,
): Promise<readonly Endpoint[]> {
  const { registry, policy, files, signal } = context;
  if (!hosts) {
    const tls = certificates && (await readCertificates(files, certificates));
    return await hostEndpoints(registry, policy, { tls, signal });
  }
  const mirrors = hosts.hosts.map(async (entry) => {
    const endpoints = await entryEndpoints(entry, context);
    return endpoints.map(({ foreign, ...endpoint }) => (foreign ? { ...endpoint, mirror: true } : endpoint));
  });
  return (await Promise.all([...mirrors, entryEndpoints(hosts.server, context)])).flat();
}

async function entryEndpoints(entry: HostEntry, context: HostsContext): Promise<readonly Endpoint[]> {
  const { registry, policy, files, signal } = context;
  const said = await tlsOf(entry, files);
  if (entry.baseUrl === undefined) {
    const own = await hostEndpoints(registry, policy, { tls: said, signal });
    return own.map((endpoint) => ({ ...endpoint, ...partsOf(entry) }));
  }
  const baseUrl = withHubRegistry(entry.baseUrl);
  const { host, protocol, port } = new URL(baseUrl);
  const namespace = namespaceFor(baseUrl, registry);
  const isOwn = namespace.namespace === undefined;
  const credentialHost = isOwn ? registry : host;
  const endpoint: Endpoint = {
    baseUrl,
    mirror: false,
    ...(!isOwn && { foreign: true }),
    credentialHost,
    ...partsOf(entry),
    ...namespace,
  };
  if (protocol === "http:" && (said === undefined || port === "")) return [endpoint];
  // containerd tries TLS first where it is told how, whatever the scheme.
  const secure = { ...endpoint, baseUrl: baseUrl.replace(/^http:/, "https:") };
  const skipVerify =
    policy.skipsVerification(credentialHost) ||
    (await policy.isInsecure(credentialHost, { signal, loopback: false }));
  const secured = { ...secure, ...(await tlsFor(credentialHost, policy, { said, skipVerify })) };
  return protocol === "http:" ? [secured, endpoint] : [secured];
}

function partsOf({ capabilities, headers, dialTimeoutMs, place }: HostEntry) {
  return {
    capabilities,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(dialTimeoutMs !== undefined && { connectTimeoutMs: dialTimeoutMs }),
    source: place,
  };
}

/** `undefined` when the entry has no word about TLS. */
async function tlsOf(entry: HostEntry, files: ConfigurationFiles): Promise<TlsOptions | undefined> {
  const { ca, client, skipVerify } = entry;
  if (ca.length + client.length === 0 && skipVerify === undefined) return undefined;
  return { ...(await readCertificates(files, entry)), ...(skipVerify !== undefined && { skipVerify }) };
}
