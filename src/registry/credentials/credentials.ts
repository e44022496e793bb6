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

/** What a lookup is for. */
export interface CredentialLookupOptions extends AbortOptions {
  /**
   * Path of the repository below the host. Only `StoredCredentials` are told, because theirs may differ by
   * it.
   */
  readonly repository?: string | undefined;
}

/**
 * Looks up the credentials of one host: `docker.io` for Docker Hub, otherwise host[:port] as it is connected
 * to. Returns `undefined` for "go as anonymous". It is called only for the host that will get them. One call
 * serves all who need the answer at the same time and for a while after (`CREDENTIALS_KEPT_MS`); credentials
 * that were refused are asked for anew. It serves many callers and runs in the `AsyncLocalStorage` of none:
 * what belongs to one caller goes into `auth` of a pull. The call has no limit of time of its own; the signal
 * fires when nobody waits for it any more.
 */
export type CredentialSource = (
  host: string,
  options?: CredentialLookupOptions,
) => Promise<Credentials | undefined>;

/**
 * Credentials that somebody keeps in a file or a key chain. They may differ between the repositories of a
 * host, and that they cannot be read is no reason to stop what everybody may have.
 */
export interface StoredCredentials extends CredentialSource {
  readonly stored: true;
}

/** Whether the source is one of `StoredCredentials`. */
export function isStored(source: CredentialSource): source is StoredCredentials {
  return "stored" in source && source.stored === true;
}

/** Nobody: every registry is asked as anonymous. */
export const anonymous: CredentialSource = async () => undefined;
