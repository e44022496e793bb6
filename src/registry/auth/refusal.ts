import { type Challenge, parseChallenges } from "../http/challenge.ts";
import type { HttpRequest, HttpResponse } from "../http/send.ts";

/** Refusals without a challenge that may mean that what we sent has expired: ECR says 403, ECR Public 400. */
export const BARE_REFUSALS: ReadonlySet<number> = new Set([400, 401, 403]);

/** Answers to a stranger that may hide what somebody else would get. */
export const HIDING_STATUSES: ReadonlySet<number> = new Set([401, 403, 404]);

/** What a refusal asks for. Of a 403 only the scope that a token lacks, as OAuth2 has it (RFC 6750 section 3.1). */
export function challengesOf({ status, headers }: HttpResponse): readonly Challenge[] {
  if (status !== 401 && status !== 403) return [];
  const challenges = parseChallenges(headers["www-authenticate"]);
  return status === 401 ? challenges : challenges.filter(lacksScope);
}

function lacksScope({ scheme, parameters }: Challenge): boolean {
  return scheme === "bearer" && parameters.get("error") === "insufficient_scope";
}

/** What the request that was refused had come with. */
export function sentAuthorization({ headers: { authorization } = {} }: HttpRequest): string | undefined {
  return authorization;
}
