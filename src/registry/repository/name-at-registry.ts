import type { Endpoint } from "../endpoints/endpoint.ts";

/**
 * What a registry itself calls the repository at `path` below an endpoint. The endpoint's address may hold the beginning of
 * all names there: `https://harbor.example/v2/hub` is all of a Harbor's project `hub`. Token servers and mounts know whole names only.
 */
export function nameAtRegistry({ baseUrl }: Pick<Endpoint, "baseUrl">, path: string): string {
  const { pathname } = new URL(baseUrl);
  const [, prefix] = pathname.endsWith("/v2") ? [] : (/\/v2\/(.+)$/.exec(pathname) ?? []);
  return prefix === undefined ? path : `${prefix}/${path}`;
}
