import { throwIfAborted } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import {
  type CredentialContext,
  type CredentialSource,
  type CredentialSubject,
  type Credentials,
  isStored,
  toldApart,
} from "./credentials.ts";
import { credentialsHash } from "./credentials-hash.ts";

/**
 * How long credentials that were found serve those who come after, in milliseconds: long enough for one call
 * to serve everybody who pulls at the same time, short enough that a change in a vault is seen soon.
 */
export const CREDENTIALS_KEPT_MS = 60_000;

/** Most answers that are kept; the least recently used one goes, and is asked for again. */
const MAX_KEPT_CREDENTIALS = 1_024;

/** The answer of a source. */
export interface FoundCredentials {
  /** `undefined` is anonymous. */
  readonly credentials: Credentials | undefined;
  /** Equal for equal credentials, see `credentialsHash`. */
  readonly hash: string;
  /** By `Clock.elapsed`, in milliseconds. */
  readonly foundAtMs: number;
  /** Why stored credentials could not be read; `credentials` is `undefined` then. */
  readonly failure?: unknown;
}

/** An answer, and how what is stored was when it was looked for. */
interface Kept {
  readonly found: FoundCredentials;
  readonly stamp: string | undefined;
}

/** What surrounds the lookups of a `CredentialMemory`. */
export interface CredentialMemoryOptions {
  readonly clock?: Clock | undefined;
  /** Told when stored credentials of a host cannot be read, once for each lookup. */
  readonly onFailure?: ((host: string, error: unknown) => void) | undefined;
}

/** The lookups of one host, or of one repository there, for one purpose. */
export interface CredentialLookup {
  /** The host of whose credentials this is about. */
  readonly host: string;
  /**
   * What was found less than `CREDENTIALS_KEPT_MS` ago, unless stored credentials have changed since, else what the source says.
   * Rejects with the source's error.
   */
  find(context?: Pick<CredentialContext, "signal" | "challenge">): Promise<FoundCredentials>;
  /** Forgets `found`, which was refused somewhere, unless it has been replaced already. */
  forget(found: FoundCredentials): void;
}

/**
 * Asks a source once for all who need the same credentials at the same time, and keeps the answer for a
 * while. A failure is given to those who waited for that call, and is not kept.
 */
export class CredentialMemory {
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  readonly #onFailure: CredentialMemoryOptions["onFailure"];
  readonly #kept = new BoundedMap<string, Kept>(MAX_KEPT_CREDENTIALS);
  readonly #calls = new SharedCalls<FoundCredentials>(undefined, "credentials");

  constructor(source: CredentialSource, { clock = systemClock, onFailure }: CredentialMemoryOptions = {}) {
    this.#source = source;
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** The lookups for `subject` at `host`, shared with all whom the source cannot tell from it. */
  at(host: string, subject: CredentialSubject = {}): CredentialLookup {
    const { repository, purpose } = toldApart(this.#source, subject);
    const key = JSON.stringify([host, repository, purpose]);
    return {
      host,
      find: async ({ signal, challenge } = {}) => {
        throwIfAborted(signal);
        const stamp = isStored(this.#source) ? await this.#source.stamp?.() : undefined;
        const kept = this.#kept.get(key);
        if (kept && kept.stamp === stamp && this.#isFresh(kept)) return kept.found;
        const ask = async (shared: AbortSignal) => {
          const found = await this.#ask(host, { repository, purpose, challenge, signal: shared });
          if (found.failure === undefined) this.#kept.set(key, { found, stamp });
          return found;
        };
        return await this.#calls.run(JSON.stringify([key, stamp]), ask, { signal });
      },
      forget: (found) => {
        if (this.#kept.get(key)?.found === found) this.#kept.delete(key);
      },
    };
  }

  #isFresh({ found }: Kept): boolean {
    return this.#clock.elapsed() - found.foundAtMs < CREDENTIALS_KEPT_MS;
  }

  async #ask(
    host: string,
    context: CredentialContext & { readonly signal: AbortSignal },
  ): Promise<FoundCredentials> {
    const { signal } = context;
    try {
      const credentials = await this.#source(host, context);
      throwIfAborted(signal);
      return { credentials, hash: credentialsHash(credentials), foundAtMs: this.#clock.elapsed() };
    } catch (failure) {
      throwIfAborted(signal);
      if (!isStored(this.#source) || this.#source.stops?.(failure)) throw failure;
      this.#onFailure?.(host, failure);
      const hash = credentialsHash(undefined);
      return { credentials: undefined, hash, foundAtMs: this.#clock.elapsed(), failure };
    }
  }
}
