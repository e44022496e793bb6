import type { AbortOptions } from "../../async/abort.ts";
import { ErrInvalidArgument, ErrPermissionDenied } from "../../errors/classes.ts";
import type { Capability } from "../configuration/capability.ts";
import type { PullFromMirror, RegistryPlace } from "../configuration/registries-conf.ts";
import { nameAt, type RegistryMatch } from "../configuration/registries-match.ts";
import type { Endpoint } from "./endpoint.ts";
import { hostEndpoints } from "./host-endpoints.ts";
import type { HostPolicy } from "./host-policy.ts";
import { type Purpose, registryName, type WantedReference } from "./registry-options.ts";

/** A mirror for digests alone does not say what a tag means; one for tags alone is not asked for a digest. */
const MIRROR_CAPABILITIES: Readonly<Record<PullFromMirror, readonly Capability[]>> = {
  all: ["pull", "resolve"],
  "tag-only": ["pull", "resolve"],
  "digest-only": ["pull"],
};

/** What endpoints of a registries.conf are made with. */
interface RegistriesContext extends AbortOptions {
  readonly reference: WantedReference;
  readonly purpose: Purpose;
  readonly policy: HostPolicy;
}

/** `host[:port]/path`, with tag or digest, as registries.conf compares it. */
export function nameOf({ path, tag, digest }: WantedReference, registry: string): string {
  return `${registry}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Throws `ErrPermissionDenied` when a registries.conf blocks what was matched. */
export function refuseBlocked({ entry }: RegistryMatch): void {
  if (!entry.blocked) return;
  throw new ErrPermissionDenied(`registry ${entry.prefix} is blocked in ${entry.place()}`);
}

/**
 * The endpoints that a registries.conf has for a reference: its mirrors, then the place itself, each under the name that the
 * repository has there. A push goes to the registry of the reference (containers/image). Throws `ErrInvalidArgument` for a
 * location that makes no repository.
 */
export async function registriesEndpoints(
  match: RegistryMatch,
  context: RegistriesContext,
): Promise<readonly Endpoint[]> {
  const { reference, purpose, policy, signal } = context;
  const { entry } = match;
  const registry = registryName(reference.domain);
  if (purpose === "push") return await hostEndpoints(registry, policy, { insecure: entry.insecure, signal });
  const mirrors = entry.mirrors.filter(
    ({ pullFrom }) => !(pullFrom === "tag-only" && reference.digest !== undefined),
  );
  const lists = await Promise.all([
    ...mirrors.map(async (mirror) => {
      const capabilities = MIRROR_CAPABILITIES[mirror.pullFrom];
      const endpoints = await placeEndpoints(mirror, match, context);
      return endpoints.map(({ foreign: _foreign, ...endpoint }) => ({
        ...endpoint,
        mirror: true,
        capabilities,
      }));
    }),
    placeEndpoints(entry, match, context),
  ]);
  return lists.flat();
}

async function placeEndpoints(
  place: RegistryPlace,
  match: RegistryMatch,
  { reference, policy, signal }: RegistriesContext,
): Promise<readonly Endpoint[]> {
  const registry = registryName(reference.domain);
  const name = nameAt(place, match, nameOf(reference, registry));
  const wanted = nameOf({ ...reference, path: "" }, "").slice(1);
  const [, domain = "", path = ""] = /^([^/]+)\/([^:@]+)$/.exec(withoutEnd(name, wanted)) ?? [];
  if (path === "") {
    throw new ErrInvalidArgument(
      `read ${place.place()}: location gives ${JSON.stringify(name)}, wanted a repository and "${wanted}" behind it`,
    );
  }
  const host = registryName(domain);
  const endpoints = await hostEndpoints(host, policy, { insecure: place.insecure, signal });
  return endpoints.map((endpoint) => ({
    ...endpoint,
    ...(path !== reference.path && { repository: path }),
    ...(host !== registry && { foreign: true }),
    source: place.place(),
  }));
}

/** What stands before `end`; nothing when `name` has another end. */
function withoutEnd(name: string, end: string): string {
  return name.endsWith(end) ? name.slice(0, name.length - end.length) : "";
}
