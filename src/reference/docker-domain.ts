/** The registry of a name that says none. */
export const DEFAULT_DOMAIN = "docker.io";

/** Where a name of one component lives on the default registry. */
export const OFFICIAL_PREFIX = "library/";

/** What older engines wrote for `DEFAULT_DOMAIN`. */
export const LEGACY_DEFAULT_DOMAIN = "index.docker.io";

/**
 * Splits what a person typed into domain and the rest by docker's rule (as in moby): the first of several components is
 * a domain if it says `localhost`, holds a dot or a colon, or holds upper case, which no path may.
 */
export function splitDockerDomain(text: string): { readonly domain: string; readonly rest: string } {
  if (!startsWithDomain(text)) return onDefaultDomain(text);
  const slash = text.indexOf("/");
  const domain = text.slice(0, slash);
  const rest = text.slice(slash + 1);
  if (domain === DEFAULT_DOMAIN || domain === LEGACY_DEFAULT_DOMAIN) return onDefaultDomain(rest);
  return { domain, rest };
}

/** Whether docker reads the first component of `text` as a domain. */
export function startsWithDomain(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash === -1) return false;
  const first = text.slice(0, slash);
  return first === "localhost" || /[.:]/.test(first) || first !== first.toLowerCase();
}

function onDefaultDomain(rest: string): { readonly domain: string; readonly rest: string } {
  return { domain: DEFAULT_DOMAIN, rest: rest.includes("/") ? rest : `${OFFICIAL_PREFIX}${rest}` };
}
