import type { AbortOptions } from "../../async/abort.ts";

/** What a registry knows a user by; docker's auth config fields. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** A refresh token for the token server (`docker login` with an identity provider). */
  readonly identityToken?: string;
  /** A bearer token to send to the registry as it is. */
  readonly registryToken?: string;
}

/**
 * Looks up the credentials of one host: `docker.io` for Docker Hub, otherwise host[:port] as it is connected to. Returns
 * `undefined` for "go as anonymous". Called once per operation and endpoint, and only for the host that will get them.
 */
export type CredentialSource = (host: string, options?: AbortOptions) => Promise<Credentials | undefined>;

/** Nobody: every registry is asked as anonymous. */
export const anonymous: CredentialSource = async () => undefined;
