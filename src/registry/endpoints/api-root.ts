import type { Endpoint } from "./endpoint.ts";

/**
 * Whether an endpoint is a registry of its own at the usual place, and has repositories by the names that references have for them.
 * A mirror's root need not be a registry's, and what is below a path may have longer names.
 */
export function isWholeRegistry({ baseUrl, mirror }: Pick<Endpoint, "baseUrl" | "mirror">): boolean {
  return !mirror && new URL(baseUrl).pathname === "/v2";
}

type Address = Pick<Endpoint, "baseUrl" | "namespace">;

/**
 * Where an endpoint's API begins: what is asked there is about the endpoint as a whole. Its base URL may go on behind that
 * with the beginning of all names: `https://harbor.example/v2/hub` is all of a Harbor's project `hub`.
 */
export function rootAddress({ baseUrl, namespace }: Address): string {
  const url = new URL(baseUrl);
  url.pathname = `${splitPath(url.pathname).root}/`;
  if (namespace !== undefined) url.searchParams.set("ns", namespace);
  return url.href;
}

/**
 * What the registry itself calls the repository at `path` below an endpoint. Token servers and mounts know whole names only.
 */
export function nameAtRegistry({ baseUrl }: Address, path: string): string {
  const { prefix } = splitPath(new URL(baseUrl).pathname);
  return prefix === undefined ? path : `${prefix}/${path}`;
}

/** The path up to `/v2`, and what is behind it. A path without one shows nothing of the registry's own. */
function splitPath(path: string): { readonly root: string; readonly prefix?: string | undefined } {
  const whole = path.replace(/\/$/, "");
  const [, root, prefix] = whole.endsWith("/v2") ? [] : (/^(.*?\/v2)\/(.+)$/.exec(whole) ?? []);
  return root === undefined ? { root: whole } : { root, prefix };
}
