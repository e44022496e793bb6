import { throwIfAborted } from "../async/abort.ts";
import { ErrNotFound } from "../errors/classes.ts";
import { findError } from "../errors/predicates.ts";
import type { Endpoint } from "../registry/endpoints/endpoint.ts";
import { EndpointErrors } from "./endpoint-errors.ts";
import { type Judgement, judge, wasNotAsked } from "./fallback.ts";
import { haveAlternatives } from "./health/by-health.ts";
import type { Alternatives } from "./health/with-health.ts";

/** One try at one endpoint. */
export interface EndpointAttempt<T> {
  readonly endpoint: Endpoint;
  /** Whether it stands behind its place because the endpoint is ill. */
  readonly setBack?: boolean | undefined;
  /** Throws an error with `notSent` when there are better alternatives than waiting for this endpoint. */
  run(alternatives: Alternatives): Promise<T>;
  /** Whether the endpoint gave any HTTP answer: then its host speaks its scheme. */
  readonly answered: () => boolean;
}

type Listed = Pick<EndpointAttempt<unknown>, "endpoint" | "setBack">;

/** A failure at one endpoint, and what comes of it. */
export interface EndpointFailure {
  readonly endpoint: Endpoint;
  readonly error: unknown;
  readonly judgement: Judgement;
  /** Whether another endpoint is tried now. */
  readonly passedOver: boolean;
}

/** What the loop needs to know. */
export interface EndpointLoopOptions {
  /** The reference in familiar form, for messages. */
  readonly familiar: string;
  readonly signal?: AbortSignal | undefined;
  /** Told about every failure, also the last one. */
  readonly onFailure?: ((failure: EndpointFailure) => void) | undefined;
}

/**
 * Tries the endpoints in order until one succeeds (moby `distribution.Pull`). Plain HTTP is not tried once TLS worked for
 * that host; nothing is tried after cancellation. An endpoint that was not asked, because better ones were left, comes again
 * at the end. Which of several errors are thrown, and how, is `EndpointErrors`' to say.
 */
export async function tryEndpoints<T>(
  attempts: readonly EndpointAttempt<T>[],
  options: EndpointLoopOptions,
): Promise<T> {
  const confirmedTls = new Set<string>();
  const errors = new EndpointErrors();
  const hasSeveral = haveAlternatives(attempts);
  const queue = [...attempts];

  const isTried = ({ endpoint }: EndpointAttempt<T>): boolean => {
    const { protocol, host } = new URL(endpoint.baseUrl);
    return protocol === "https:" || !confirmedTls.has(host);
  };

  /** Notes a failure, and says whether another endpoint is tried. */
  function failed(attempt: EndpointAttempt<T>, error: unknown, alternatives: Alternatives): boolean {
    const { endpoint } = attempt;
    const { protocol, host } = new URL(endpoint.baseUrl);
    if (protocol === "https:" && attempt.answered()) confirmedTls.add(host);
    if (alternatives === "better" && isPostponed(error)) queue.push({ ...attempt, setBack: true });
    else errors.add({ endpoint, error, answered: attempt.answered() });
    const judgement = judge(error, endpoint);
    const passedOver = judgement.next && queue.some(isTried);
    options.onFailure?.({ endpoint, error, judgement, passedOver });
    return passedOver;
  }

  for (let attempt = queue.shift(); attempt; attempt = queue.shift()) {
    if (!isTried(attempt)) continue;
    const alternatives = hasSeveral ? alternativesTo(attempt, queue) : "none";
    try {
      return await attempt.run(alternatives);
    } catch (error) {
      throwIfAborted(options.signal);
      if (!failed(attempt, error, alternatives)) break;
    }
  }
  throw (
    errors.toThrow() ??
    new ErrNotFound(`no endpoints found for ${options.familiar}`, { reference: options.familiar })
  );
}

function alternativesTo({ endpoint }: Listed, others: readonly Listed[]): Alternatives {
  const isBetter = (other: Listed): boolean => !other.setBack && haveAlternatives([{ endpoint }, other]);
  return others.some(isBetter) ? "better" : "worse";
}

function isPostponed(error: unknown): boolean {
  const found = findError(error);
  return found !== undefined && wasNotAsked(found);
}
