import { ErrInvalidArgument } from "../../errors/classes.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { HUB_ALIAS, HUB_DOMAIN } from "./docker-hub.ts";
import type { Endpoint } from "./endpoint.ts";
import { formatHostPort, parseHostPort } from "./host-port.ts";
import type { ResolveHost } from "./insecure.ts";

/** What a list of endpoints is wanted for. */
export type Purpose = "pull" | "push";

/** What is wanted: a repository, and of it a tag, a digest or both. */
export type WantedReference = Pick<NormalizedReference, "domain" | "path" | "tag" | "digest">;

/** Which registries a switch is on for: all of them, or the listed host[:port] ones. */
export type RegistrySelection = boolean | readonly string[];

/** Directories, or files and directories, in the order to look: a list, or a text with the system's separator (`:`). */
export type PathList = string | readonly string[];

/** How the certificate of a host is checked and which one is shown: as it is, or in files that are read for every operation. */
export interface HostTlsOptions extends TlsOptions {
  /**
   * Files of additional authorities, PEM.
   * @defaultValue none
   * @example caFile: "/etc/engine/registry-ca.pem"
   */
  readonly caFile?: string | readonly string[] | undefined;
  /**
   * File of the client certificate, PEM, in the place of `cert`.
   * @defaultValue none is shown
   * @example certFile: "/etc/engine/client.pem", keyFile: "/etc/engine/client-key.pem"
   */
  readonly certFile?: string | undefined;
  /**
   * File of its key, PEM, in the place of `key`.
   * @defaultValue the key is in `certFile`
   * @example certFile: "/etc/engine/client.pem", keyFile: "/etc/engine/client-key.pem"
   */
  readonly keyFile?: string | undefined;
}

/** How registry names lead to endpoints. Files are read for every operation, and only those that are named here. */
export type RegistryOptions = {
  /**
   * Mirror URLs per registry, in the order to ask them. The registry itself comes last.
   * @defaultValue none
   * @example mirrors: { "docker.io": ["https://mirror.example"] }
   */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * host[:port] or CIDR: the certificate is not checked, and plain HTTP is tried when HTTPS fails.
   * @defaultValue loopback hosts
   * @avoid for anything beyond a network of your own
   * @example insecureRegistries: ["registry.internal:5000", "10.0.0.0/8"]
   */
  readonly insecureRegistries?: readonly string[] | undefined;
  /**
   * Plain HTTP and nothing else. Docker Hub and mirrors (which name their scheme) stay as they are.
   * @defaultValue none
   * @avoid where anybody may listen or change what is sent: `tls` makes a private authority known
   * @example plainHttp: ["registry.internal:5000"]
   */
  readonly plainHttp?: RegistrySelection | undefined;
  /**
   * HTTPS without a check of the certificate, and no plain HTTP. For mirrors too, by the mirror's own host.
   * @defaultValue none
   * @avoid where the authority can be had: `tls` makes it known
   * @example skipTlsVerify: ["registry.internal:5000"]
   */
  readonly skipTlsVerify?: RegistrySelection | undefined;
  /**
   * host[:port] of registries that speak version 1 of the API, or may hold images that only version 1 knows: it is asked behind
   * version 2. Not Docker Hub, which has it no more.
   * @defaultValue none
   * @avoid unless the registry is from before 2015: version 1 has no digests to verify layers by
   * @example v1Registries: ["old.internal:5000"]
   */
  readonly v1Registries?: readonly string[] | undefined;
  /**
   * Finds the addresses of a name for the CIDR entries.
   * @defaultValue the system's resolver
   * @example resolveHost: () => Promise.resolve(["10.0.0.7"])
   */
  readonly resolveHost?: ResolveHost | undefined;
  /**
   * Directories in containerd's layout: `<host>/hosts.toml`, such as `/etc/containerd/certs.d`.
   * @defaultValue none is read
   * @example hostsDir: "/etc/containerd/certs.d"
   */
  readonly hostsDir?: PathList | undefined;
  /**
   * Directories in docker's layout: `<host>/ca.crt`, `client.cert`, `client.key`, such as `/etc/docker/certs.d`.
   * @defaultValue none is read
   * @example certsDir: "/etc/docker/certs.d"
   */
  readonly certsDir?: PathList | undefined;
  /**
   * podman's registries.conf, and directories of such files; of each prefix the last one says how it is.
   * @defaultValue none is read
   * @example registriesConf: ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d"]
   */
  readonly registriesConf?: PathList | undefined;
  /**
   * docker's daemon.json, of which mirrors, insecure registries and proxies count; of several the first that is there.
   * @defaultValue none is read
   * @example daemonConfig: "/etc/docker/daemon.json"
   */
  readonly daemonConfig?: PathList | undefined;
  /**
   * Authorities and client certificate per host[:port], `docker.io` for Docker Hub, in the place of what files say.
   * @defaultValue what the files say
   * @example tls: { "registry.internal:5000": { caFile: "/etc/engine/registry-ca.pem" } }
   */
  readonly tls?: Readonly<Record<string, HostTlsOptions>> | undefined;
  /**
   * Chooses where a reference is asked for, out of what the configuration says, or instead of it: see `ChooseEndpoints`.
   * @defaultValue the configuration's own order
   * @example chooseEndpoints: ({ endpoints }) => endpoints.filter(({ mirror }) => !mirror)
   */
  readonly chooseEndpoints?: ChooseEndpoints | undefined;
};

/** What endpoints are wanted for, and what the configuration says. */
export interface EndpointsWanted {
  readonly reference: WantedReference;
  readonly purpose: Purpose;
  /** In the order to ask, those of version 1 at the end. */
  readonly endpoints: readonly Endpoint[];
}

/**
 * Gives the endpoints to ask, in their order: some of `endpoints`, in any order, or others. Asked for each pull, push and question, so it
 * should be quick. An endpoint that is no `mirror` and not `foreign` stands for the registry itself: credentials that a call brings for
 * that go there. What this throws ends the call with `ErrFailedPrecondition`, or as it is where it is an error of drayage's own.
 */
export type ChooseEndpoints = (
  wanted: EndpointsWanted,
  context: { readonly signal: AbortSignal | undefined },
) => readonly Endpoint[] | Promise<readonly Endpoint[]>;

/** Whether a switch is on for host[:port]. Throws `ErrInvalidArgument` for a malformed entry. */
export function isSelectedHost(selection: RegistrySelection | undefined, host: string): boolean {
  return typeof selection === "object"
    ? selection.some((entry) => registryName(entry) === host)
    : selection === true;
}

/** The one name of a registry: Docker Hub has two. Throws `ErrInvalidArgument`. */
export function registryName(domain: string): string {
  try {
    const name = formatHostPort(parseHostPort(domain));
    return name === HUB_ALIAS ? HUB_DOMAIN : name;
  } catch (cause) {
    throw new ErrInvalidArgument(
      `Look up registry ${JSON.stringify(withoutUserInfo(domain))}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
