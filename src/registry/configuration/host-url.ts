/** What is wrong with a host's URL, in half a sentence; never shown with the URL, which may hold a password. */
export type HostUrlFlaw = { readonly flaw: string };

/**
 * Where requests to a host of hosts.toml begin: `host` with https where it names no scheme, its path cleaned, and `/v2` behind
 * it unless it ends so already or `overridePath` says that it is complete (containerd). Query and fragment go.
 */
export function hostBaseUrl(
  host: string,
  { overridePath = false }: { readonly overridePath?: boolean | undefined } = {},
): string | HostUrlFlaw {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(host)?.[1]?.toLowerCase() ?? "https";
  if (scheme !== "http" && scheme !== "https") return { flaw: "wanted an http or https URL" };
  const text = host.includes("://") ? host : `https://${host}`;
  // The URL parser drops white space and turns backslashes around; such a text is a mistake.
  if (/[\s\\]/.test(text) || !URL.canParse(text)) return { flaw: "not a valid URL" };
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return { flaw: "user name and password are not allowed" };
  const path = url.pathname.replace(/\/+/g, "/").replace(/\/$/, "");
  return `${url.origin}${overridePath || path.endsWith("/v2") ? path : `${path}/v2`}`;
}
