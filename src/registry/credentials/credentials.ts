import type { AbortOptions } from "../../async/abort.ts";
import type { Purpose } from "../endpoints/registry-options.ts";
import type { Challenge } from "../http/challenge.ts";

/** What a registry knows a user by; docker's auth config fields. */
export interface Credentials {
  /**
   * Name of the account, together with `password`.
   * @defaultValue none
   * @example username: "jane", password: "correct horse"
   */
  readonly username?: string;
  /**
   * Its password, or a token that the registry takes in the place of one.
   * @defaultValue none
   * @example username: "jane", password: "correct horse"
   */
  readonly password?: string;
  /**
   * A refresh token for the token server (`docker login` with an identity provider).
   * @defaultValue none
   * @example identityToken: "a refresh token"
   */
  readonly identityToken?: string;
  /**
   * A bearer token to send to the registry as it is.
   * @defaultValue none
   * @avoid where it does not live as long as the work: nobody gets another one
   * @example registryToken: "a bearer token"
   */
  readonly registryToken?: string;
}

/** What credentials are wanted for. */
export interface CredentialContext extends AbortOptions {
  /**
   * Path of the repository below the host.
   * @defaultValue it is about the host alone
   * @example repository: "team/app"
   */
  readonly repository?: string | undefined;
  /**
   * What is to be done there; a push reads as well.
   * @defaultValue nobody knows
   * @example purpose: "pull"
   */
  readonly purpose?: Purpose | undefined;
  /**
   * What the registry asked for when this call was made: its scheme, realm, service and scopes.
   * @defaultValue it did not ask, for instance because it hides what strangers may not see
   * @example challenge: parseChallenges('Basic realm="registry"')[0]
   */
  readonly challenge?: Challenge | undefined;
}

/**
 * Looks up the credentials of one host: `docker.io` for Docker Hub, otherwise host[:port] as it is connected
 * to. Returns `undefined` for "go as anonymous". It is called only for the host that will get them. One call
 * serves all who need the answer for the same repository and purpose at the same time and for a while after
 * (`CREDENTIALS_KEPT_MS`); credentials that were refused are asked for anew. It serves many callers and runs in the
 * `AsyncLocalStorage` of none: what belongs to one caller goes into `auth` of a pull. The call has no limit of time of its
 * own; the signal fires when nobody waits for it any more.
 */
export type CredentialSource = (
  host: string,
  context?: CredentialContext,
) => Promise<Credentials | undefined>;

/**
 * Credentials that somebody keeps in a file or a key chain. They may differ between the repositories of a
 * host, and that they cannot be read is no reason to stop what everybody may have.
 */
export interface StoredCredentials extends CredentialSource {
  readonly stored: true;
  /** Whether it stops them after all that the source has failed with this error. Default: never. */
  stops?(failure: unknown): boolean;
  /** Differs when what is kept may have changed: what was found before is not used any more. Default: it never does. */
  stamp?(): Promise<string>;
}

/** Whether the source is one of `StoredCredentials`. */
export function isStored(source: CredentialSource): source is StoredCredentials {
  return "stored" in source && source.stored === true;
}

/** Which repository at a host, and what for. */
export type CredentialSubject = Pick<CredentialContext, "repository" | "purpose">;

/**
 * What of `subject` the answers of a source may differ by: of stored credentials the repository alone, of a function
 * everything that it is told.
 */
export function toldApart(
  source: CredentialSource,
  { repository, purpose }: CredentialSubject,
): CredentialSubject {
  if (source === anonymous) return {};
  return isStored(source) ? { repository } : { repository, purpose };
}

/** Nobody: every registry is asked as anonymous. */
export const anonymous: CredentialSource = async () => undefined;
