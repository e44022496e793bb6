import { throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { waitPatiently } from "../../async/wait-patiently.ts";
import type { CredentialLookup, FoundCredentials } from "../credentials/credential-memory.ts";
import type { Challenge } from "../http/challenge.ts";
import type { Asker } from "../http/send.ts";
import { lookupError, reasonOf } from "./why-anonymous.ts";

/** What credentials in use go by. */
export interface CredentialsInUseOptions {
  readonly lookup: CredentialLookup;
  /** Origin of the endpoint that they are for: it is to blame when they cannot be found. */
  readonly endpoint: string;
  readonly clock: Clock;
}

/**
 * What is younger than this was got for the very request that is refused, in milliseconds: asking for other
 * credentials or another token at once would bring the same.
 */
const JUST_GOT_MS = 1_000;

/** The credentials that one authorizer uses, and what happened to them. */
export class CredentialsInUse {
  readonly #options: CredentialsInUseOptions;
  /** Those that a token server accepted once: a refusal says that they have changed. */
  readonly #proven = new WeakSet<FoundCredentials>();
  #found: FoundCredentials | undefined;
  #challenge: Challenge | undefined;
  #trouble: unknown;

  constructor(options: CredentialsInUseOptions) {
    this.#options = options;
  }

  /** The last ones that were found, however long ago. */
  get found(): FoundCredentials | undefined {
    return this.#found;
  }

  /**
   * Those that were found lately, or are found now: in answer to `challenge`, or else to the last one. Rejects with
   * the error of the source, which is the endpoint's.
   */
  async find({ signal, waiter }: Asker, challenge = this.#challenge): Promise<FoundCredentials> {
    const { lookup, endpoint, clock } = this.#options;
    this.#challenge = challenge;
    try {
      this.#found = await waitPatiently(lookup.find({ signal, challenge }), {
        reason: { code: "credentials", words: `Waiting for credentials for ${lookup.host}` },
        signal,
        waiter,
        clock,
      });
      this.#trouble = undefined;
      return this.#found;
    } catch (error) {
      throwIfAborted(signal);
      throw lookupError(error, { host: lookup.host, endpoint });
    }
  }

  /** Those in place of `refused`; equal ones when the source has no others. */
  async replace(refused: FoundCredentials, asker: Asker): Promise<FoundCredentials> {
    this.#options.lookup.forget(refused);
    return await this.find(asker);
  }

  /** The last ones were refused: whoever comes next asks the source. */
  forget(): void {
    if (this.#found) this.#options.lookup.forget(this.#found);
  }

  /** They were accepted. */
  prove(found: FoundCredentials): void {
    this.#proven.add(found);
  }

  /**
   * Whether the source may have others in place of `refused`: it was not asked just now, or they were good
   * before.
   */
  mayHaveChanged(refused: FoundCredentials): boolean {
    return this.#proven.has(refused) || !this.isNew(refused.foundAtMs);
  }

  /** Whether what was got then is too young to have expired. */
  isNew(gotAtMs: number): boolean {
    return this.#options.clock.elapsed() - gotAtMs < JUST_GOT_MS;
  }

  /** There was a reason why none could be used, which was no reason to fail. */
  note(trouble: unknown): void {
    this.#trouble = trouble;
  }

  /** Why requests go as anonymous although there may be credentials, for people. */
  whyAnonymous(): string | undefined {
    return reasonOf(this.#found?.failure ?? this.#trouble);
  }
}
