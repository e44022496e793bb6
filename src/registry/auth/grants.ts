import { BoundedMap } from "../../async/bounded-map.ts";
import type { FoundCredentials } from "../credentials/credential-memory.ts";
import type { Challenge } from "../http/challenge.ts";
import type { HttpRequest } from "../http/send.ts";
import type { Offer } from "./offers.ts";

/** Sets of scopes whose challenge is remembered; the least recently used goes, which costs one 401 again. */
const MAX_GRANTS = 256;

/** The ways to answer a challenge, best first. */
export type Offers = readonly Offer[];

/** What was learned for one set of request scopes. */
export interface Grant {
  readonly challenges: readonly Challenge[];
  /** Of the request that was challenged. */
  readonly scopes: readonly string[];
  /** Of the credentials that the offers are for. */
  hash: string;
  all: Offers;
  /** Best first; those that failed for good are taken out. */
  left: Offers;
  /** Whether no request was refused yet: the endpoint may give without it what is asked for. */
  isHint: boolean;
  /** Why nothing came of a hint. */
  failure: HintFailure | undefined;
}

/** What kept a hint from being followed, and when, by the clock's `elapsed`. */
export interface HintFailure {
  readonly error: unknown;
  readonly atMs: number;
}

/** A refusal, and what can be done about it. */
export interface Lesson {
  readonly request: HttpRequest;
  readonly challenges: readonly Challenge[];
  readonly found: FoundCredentials;
  readonly offers: Offers;
  /** Nothing was refused: it is what the endpoint says at the root of its API. Default false. */
  readonly isHint?: boolean;
}

/** What is left of a lesson that could not be made use of. */
export interface FailedHint extends Pick<Lesson, "request" | "challenges"> {
  readonly failure: HintFailure;
  /** Of the credentials that it was tried with. */
  readonly hash: string;
}

/** What one authorizer has learned, by the scopes of the requests. */
export class Grants {
  readonly #byScopes = new BoundedMap<string, Grant>(MAX_GRANTS);
  /**
   * For requests without a grant, of an endpoint that takes the same header for all: Basic, or a registry
   * token.
   */
  #general: Grant | undefined;

  /** What is known about requests like this one. */
  for(request: HttpRequest): Grant | undefined {
    return this.#byScopes.get(keyOf(request)) ?? this.#general;
  }

  /** Whether the grant serves requests of all scopes. */
  isGeneral(grant: Grant): boolean {
    return grant === this.#general;
  }

  /**
   * The grant of a lesson. When it offers what was offered before, that one is still good, without those
   * offers that failed.
   */
  learn({ request, challenges, found, offers, isHint = false }: Lesson): Grant {
    const known = this.#byScopes.get(keyOf(request));
    if (known?.hash === found.hash && sameOffers(known.all, offers)) return known;
    const { scopes = [] } = request;
    return { challenges, scopes, hash: found.hash, all: offers, left: offers, isHint, failure: undefined };
  }

  /** Remembers that nothing came of a hint, so that requests go out without. */
  keepFailure({ request, challenges, hash, failure }: FailedHint): void {
    const { scopes = [] } = request;
    const grant = { challenges, scopes, hash, all: [], left: [], isHint: true, failure };
    this.#byScopes.set(keyOf(request), grant);
  }

  /** The same of a grant that is in use; false when it is no hint. */
  failHint(grant: Grant, failure: HintFailure): boolean {
    if (!grant.isHint) return false;
    grant.left = [];
    grant.failure = failure;
    return true;
  }

  /** Keeps what was learned from `request`; with `general` for requests of other scopes too. */
  keep(request: HttpRequest, grant: Grant, { general }: { readonly general: boolean }): void {
    this.#byScopes.set(keyOf(request), grant);
    if (general) this.#general = grant;
  }

  /** Forgets what is known about requests like this one, if it still is `grant`. */
  forget(request: HttpRequest, grant: Grant | undefined): void {
    const key = keyOf(request);
    if (this.#byScopes.get(key) === grant) this.#byScopes.delete(key);
    if (this.#general === grant) this.#general = undefined;
  }
}

function keyOf({ scopes }: HttpRequest): string {
  return [...new Set(scopes)].sort().join(" ");
}

function sameOffers(one: Offers, other: Offers): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
