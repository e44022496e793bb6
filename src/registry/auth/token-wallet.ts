import { BoundedMap } from "../../async/bounded-map.ts";
import type { Clock } from "../../async/clock.ts";
import { type CallOptions, SharedCalls } from "../../async/shared-calls.ts";
import type { TokenRealm } from "./token-realm.ts";
import type { Token } from "./token-response.ts";

/**
 * A token is replaced this long before it expires, so that it does not expire on its way, in milliseconds.
 */
const REFRESH_AHEAD_MS = 10_000;

/**
 * Tokens of one authorizer that are kept; the least recently used one goes, and is fetched again when it is
 * wanted.
 */
const MAX_TOKENS = 256;

/** What a token is for: a realm, and the credentials (see `credentialsHash`) that it was given to. */
export interface TokenPurpose {
  readonly realm: TokenRealm;
  readonly hash: string;
}

/** A token, and whose it is in the end: credentials may have been replaced while it was fetched. */
export interface FetchedToken {
  readonly token: Token;
  readonly hash: string;
}

/** Tokens by realm, scopes and credentials. Those who want the same one at the same time share a request. */
export class TokenWallet {
  readonly #clock: Clock;
  readonly #tokens = new BoundedMap<string, Token>(MAX_TOKENS);
  readonly #fetches: SharedCalls<Token>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#fetches = new SharedCalls(clock, "token");
  }

  /**
   * The token at hand, or what `fetch` brings. Rejects with what `fetch` rejects with, or when the signal
   * fires.
   */
  async token(
    purpose: TokenPurpose,
    fetch: (signal: AbortSignal) => Promise<FetchedToken>,
    options: CallOptions = {},
  ): Promise<Token> {
    const key = keyOf(purpose);
    const kept = this.#tokens.get(key);
    if (kept && this.#clock.elapsed() < kept.expiresAtMs - REFRESH_AHEAD_MS) return kept;
    const fetchAndKeep = async (shared: AbortSignal): Promise<Token> => {
      const { token, hash } = await fetch(shared);
      this.#tokens.set(keyOf({ realm: purpose.realm, hash }), token);
      return token;
    };
    return await this.#fetches.run(key, fetchAndKeep, options);
  }

  /** The token at hand, whether it has expired or not. */
  peek(purpose: TokenPurpose): Token | undefined {
    return this.#tokens.get(keyOf(purpose));
  }

  /** Throws one token away. */
  drop(purpose: TokenPurpose): void {
    this.#tokens.delete(keyOf(purpose));
  }
}

function keyOf({ realm: { url, service, scopes }, hash }: TokenPurpose): string {
  return JSON.stringify([hash, url, service, scopes]);
}
