import { throwIfAborted } from "../../async/abort.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import type { Endpoint } from "../../registry/endpoints/endpoint.ts";
import { haveAlternatives } from "../health/by-health.ts";
import type { Alternatives } from "../health/with-health.ts";
import { EndpointErrors } from "./endpoint-errors.ts";
import { type Judgement, judge, wasNotAsked } from "./fallback.ts";

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
 * Tries the endpoints in order until one succeeds (moby `distribution.Pull`). Plain HTTP is not tried once TLS worked
 * for that host, version 1 of the API not once the registry has shown by version 2 what it has; nothing is tried after
 * cancellation. An endpoint that was not asked, because better ones were left, comes again at the end. Which of several
 * errors are thrown, and how, is `EndpointErrors`' to say.
 */
export async function tryEndpoints<T>(
  attempts: readonly EndpointAttempt<T>[],
  options: EndpointLoopOptions,
): Promise<T> {
  const prospects = new Prospects();
  const errors = new EndpointErrors();
  const hasSeveral = haveAlternatives(attempts);
  const queue = [...attempts];

  /** Notes a failure, and says whether another endpoint is tried. */
  function failed(attempt: EndpointAttempt<T>, error: unknown, alternatives: Alternatives): boolean {
    const { endpoint } = attempt;
    if (alternatives === "better" && isPostponed(error)) queue.push({ ...attempt, setBack: true });
    else errors.add({ endpoint, error, answered: attempt.answered() });
    const judgement = judge(error, endpoint);
    prospects.narrow(attempt, judgement);
    const passedOver = queue.some((other) => prospects.include(other));
    options.onFailure?.({ endpoint, error, judgement, passedOver });
    return passedOver;
  }

  for (let attempt = queue.shift(); attempt; attempt = queue.shift()) {
    if (!prospects.include(attempt)) continue;
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

/** Which endpoints may still be asked, by what those before them said. */
class Prospects {
  readonly #confirmedTls = new Set<string>();
  readonly #confirmedPlain = new Set<string>();
  readonly #versions = { 1: true, 2: true };

  include({ endpoint: { baseUrl, version = 2 } }: Listed): boolean {
    const { protocol, host } = new URL(baseUrl);
    if (!this.#versions[version]) return false;
    // That a host speaks no TLS was found out by version 2, and is not asked for twice.
    if (protocol === "https:") return version === 2 || !this.#confirmedPlain.has(host);
    return !this.#confirmedTls.has(host);
  }

  narrow({ endpoint, answered }: EndpointAttempt<unknown>, { next, older }: Judgement): void {
    const { protocol, host } = new URL(endpoint.baseUrl);
    if (answered()) (protocol === "https:" ? this.#confirmedTls : this.#confirmedPlain).add(host);
    this.#versions[2] &&= next;
    this.#versions[1] &&= older;
  }
}
