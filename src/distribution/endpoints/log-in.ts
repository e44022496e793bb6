import type { Login, LoginOptions } from "../api/login.ts";

/**
 * Checks credentials at a registry, as docker's engine does for `docker login`, and keeps nothing: `saveLogin` of
 * `drayage/registry` does. Throws `ErrInvalidArgument` for a malformed server or options, `ErrUnauthenticated` or
 * `ErrPermissionDenied` when they are refused, and what reaching the registry throws.
 *
 * @param server as users write it: `registry.example:5000`, `https://registry.example/v2/`, `docker.io`
 */
export async function logIn(server: string, options: LoginOptions): Promise<Login> {
  const { logInAtRegistry } = await import("./log-in-at-registry.ts");
  return await logInAtRegistry(server, options);
}
