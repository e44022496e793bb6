import { ErrUnauthenticated } from "../../errors/classes.ts";
import type { FoundCredentials } from "../credentials/credential-memory.ts";
import { originOf } from "../endpoints/endpoint.ts";
import { type Challenge, parseChallenges } from "../http/challenge.ts";
import type { HttpResponse } from "../http/send.ts";
import { basicAuthorization } from "./token.ts";
import { type RealmOptions, type TokenRealm, tokenRealm } from "./token-realm.ts";
import { explained, reasonOf } from "./why-anonymous.ts";

/** A way to answer a challenge. */
export type Offer =
  | { readonly kind: "token"; readonly realm: TokenRealm }
  | { readonly kind: "fixed"; readonly authorization: string };

/** Who answers, and what for. */
export interface OfferOptions extends RealmOptions {
  readonly found: FoundCredentials;
}

/** The challenges that we know an answer to. */
export function knownChallenges(challenges: readonly Challenge[]): readonly Challenge[] {
  return challenges.filter(({ scheme }) => scheme === "bearer" || scheme === "basic");
}

/** What an answer at the API root asks for, without the scopes: those are examples of what a registry may ask for. */
export function challengesAtRoot({ headers }: Pick<HttpResponse, "headers">): readonly Challenge[] {
  return knownChallenges(parseChallenges(headers["www-authenticate"])).map(withoutScope);
}

/** Whether two lists of challenges are the same but for scopes. */
export function asksTheSame(some: readonly Challenge[], others: readonly Challenge[]): boolean {
  const [one, other] = [some, others].map((challenges) =>
    JSON.stringify(challenges.map(withoutScope).map(({ scheme, parameters }) => [scheme, ...parameters])),
  );
  return one === other;
}

function withoutScope({ scheme, parameters }: Challenge): Challenge {
  return { scheme, parameters: new Map([...parameters].filter(([name]) => name !== "scope")) };
}

/** The one of `challenges` that is tried first. */
export function bestChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return byPreference(challenges)[0];
}

/**
 * The answers to `challenges` that these credentials allow, best first: tokens, in the server's order, then
 * Basic. A challenge that cannot be met is passed over; when none can, its `ErrUnauthenticated` is thrown,
 * the first one's if there are several.
 */
export async function offersFor(
  challenges: readonly Challenge[],
  options: OfferOptions,
): Promise<readonly Offer[]> {
  const offers: Offer[] = [];
  const failures: unknown[] = [];
  for (const challenge of byPreference(challenges)) {
    try {
      offers.push(await offerFor(challenge, options));
    } catch (error) {
      failures.push(error);
    }
  }
  if (offers.length === 0) throw failures[0];
  return offers;
}

function byPreference(challenges: readonly Challenge[]): readonly Challenge[] {
  return challenges.toSorted((a, b) => rank(a) - rank(b));
}

function rank({ scheme }: Challenge): number {
  return scheme === "bearer" ? 0 : 1;
}

async function offerFor(challenge: Challenge, options: OfferOptions): Promise<Offer> {
  const { credentials } = options.found;
  if (challenge.scheme === "basic") {
    const authorization = basicAuthorization(credentials);
    if (authorization === undefined) throw noBasicCredentials(options);
    return { kind: "fixed", authorization };
  }
  if (credentials?.registryToken) {
    return { kind: "fixed", authorization: `Bearer ${credentials.registryToken}` };
  }
  return { kind: "token", realm: await tokenRealm(challenge, options) };
}

function noBasicCredentials({ endpoint, found }: OfferOptions): unknown {
  const message = `Authorize at ${endpoint.credentialHost}: no basic auth credentials`;
  const error = new ErrUnauthenticated(message, { endpoint: originOf(endpoint) });
  return explained(error, reasonOf(found.failure));
}
