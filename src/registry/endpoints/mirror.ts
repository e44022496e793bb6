import { ErrInvalidArgument } from "../../errors/classes.ts";

/**
 * The API root of a mirror as it is configured: `https://mirror.example/cache/` gives `https://mirror.example/cache/v2`;
 * a path that ends in `/v2` is the root already (containerd hosts.toml). Throws `ErrInvalidArgument` for anything that is
 * not an absolute http or https URL, or has a query, a fragment or user information (moby `ValidateMirror`).
 */
export function mirrorBaseUrl(mirror: string): string {
  const fail = (reason: string): ErrInvalidArgument =>
    new ErrInvalidArgument(`Parse registry mirror "${withoutSecrets(mirror)}": ${reason}`);

  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(mirror)?.[1]?.toLowerCase();
  if (scheme === undefined) throw fail("got no scheme, wanted http:// or https://");
  if (scheme !== "http" && scheme !== "https") throw fail(`got scheme "${scheme}", wanted http or https`);
  // The URL parser drops white space and turns backslashes around; such a text is a mistake, not a mirror.
  if (/[\s\\]/.test(mirror) || !URL.canParse(mirror)) throw fail("not a valid URL");

  const url = new URL(mirror);
  if (url.username !== "" || url.password !== "") throw fail("user name and password are not allowed");
  if (/[?#]/.test(mirror)) throw fail("query and fragment are not allowed");
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path.endsWith("/v2") ? path : `${path}/v2`}`;
}

function withoutSecrets(mirror: string): string {
  return mirror.replace(/^.*@/s, "").replace(/[?#].*$/s, "");
}
