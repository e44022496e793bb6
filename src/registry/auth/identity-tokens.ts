import { throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { findError } from "../../errors/predicates.ts";
import type { FoundCredentials } from "../credentials/credential-memory.ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import type { Asker, Send } from "../http/send.ts";
import type { CredentialsInUse } from "./credentials-in-use.ts";
import { fetchToken } from "./token.ts";
import type { TokenRealm } from "./token-realm.ts";
import type { Token } from "./token-response.ts";
import { type FetchedToken, type TokenPurpose, TokenWallet } from "./token-wallet.ts";
import { explained } from "./why-anonymous.ts";

/** Whose tokens these are, and how they are asked for; see `TokenOptions`. */
export interface IdentityTokensOptions {
  readonly credentials: CredentialsInUse;
  readonly endpoint: Endpoint;
  readonly send: Send;
  readonly clock: Clock;
  readonly metaHeaders?: Readonly<Record<string, string>> | undefined;
}

/** The tokens of one identity. */
export class IdentityTokens {
  readonly #options: IdentityTokensOptions;
  readonly #wallet: TokenWallet;

  constructor(options: IdentityTokensOptions) {
    this.#options = options;
    this.#wallet = new TokenWallet(options.clock);
  }

  /** The token for `realm`, fetched when there is none at hand. Rejects with what `fetchToken` throws. */
  async token(realm: TokenRealm, { signal, waiter }: Asker): Promise<Token> {
    const { credentials } = this.#options;
    const found = credentials.found ?? (await credentials.find({ signal, waiter }));
    const fetch = (shared: AbortSignal): Promise<FetchedToken> => this.#fetch(realm, found, shared);
    const reason = {
      code: "authorization",
      words: `Waiting for authorization by ${new URL(realm.url).host}`,
    } as const;
    return await this.#wallet.token({ realm, hash: found.hash }, fetch, { reason, waiter, signal });
  }

  /**
   * Throws away the token of that purpose if it is the one in `authorization`, which was refused: another
   * request may have brought a new one meanwhile. With `unlessNew` only when it is old enough to have
   * expired. Whether it was thrown away.
   */
  drop(purpose: TokenPurpose, authorization: string | undefined, { unlessNew = false } = {}): boolean {
    const token = this.#wallet.peek(purpose);
    if (!token || authorization !== bearer(token)) return false;
    if (unlessNew && this.#options.credentials.isNew(token.issuedAtMs)) return false;
    this.#wallet.drop(purpose);
    return true;
  }

  /**
   * A refusal of credentials that were good before is one of their age, so the source is asked for others.
   */
  async #fetch(realm: TokenRealm, found: FoundCredentials, signal: AbortSignal): Promise<FetchedToken> {
    const { credentials } = this.#options;
    try {
      return await this.#fetchAs(found, realm, signal);
    } catch (error) {
      throwIfAborted(signal);
      if (!isRefusal(error)) throw error;
      if (!found.credentials) throw explained(error, credentials.whyAnonymous());
      const mayHaveChanged = credentials.mayHaveChanged(found);
      credentials.forget();
      if (!mayHaveChanged) throw error;
      const others = await credentials.replace(found, { signal });
      if (others.hash === found.hash) throw error;
      return await this.#fetchAs(others, realm, signal);
    }
  }

  async #fetchAs(found: FoundCredentials, realm: TokenRealm, signal: AbortSignal): Promise<FetchedToken> {
    const { credentials: own, ...options } = this.#options;
    const token = await fetchToken(realm, { ...options, credentials: found.credentials, signal });
    own.prove(found);
    return { token, hash: found.hash };
  }
}

/** The header that a token goes in. */
export function bearer({ value }: Token): string {
  return `Bearer ${value}`;
}

/** Whether a token server has looked at the credentials and does not want them. */
function isRefusal(error: unknown): boolean {
  const status = findError(error)?.httpStatus;
  return status === 400 || status === 401 || status === 403;
}
