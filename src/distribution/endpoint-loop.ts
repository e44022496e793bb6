import { throwIfAborted } from "../async/abort.ts";
import { ErrNotFound } from "../errors/classes.ts";
import type { Endpoint } from "../registry/endpoints/endpoint.ts";
import { EndpointErrors } from "./endpoint-errors.ts";
import { type Judgement, judge } from "./fallback.ts";

/** One try at one endpoint. */
export interface EndpointAttempt<T> {
  readonly endpoint: Endpoint;
  run(): Promise<T>;
  /** Whether the endpoint gave any HTTP answer: then its host speaks its scheme. */
  readonly answered: () => boolean;
}

/** What the loop needs to know. */
export interface EndpointLoopOptions {
  /** The reference in familiar form, for messages. */
  readonly familiar: string;
  readonly signal?: AbortSignal | undefined;
  /** Told about every endpoint that is passed over for the next one. */
  readonly onFallback?: ((endpoint: Endpoint, error: unknown, judgement: Judgement) => void) | undefined;
}

/**
 * Tries the endpoints in order until one succeeds (moby `distribution.Pull`). Plain HTTP is not tried once TLS worked for
 * that host; nothing is tried after cancellation. Which of several errors are thrown, and how, is `EndpointErrors`' to say.
 */
export async function tryEndpoints<T>(
  attempts: readonly EndpointAttempt<T>[],
  options: EndpointLoopOptions,
): Promise<T> {
  const confirmedTls = new Set<string>();
  const errors = new EndpointErrors();
  for (const attempt of attempts) {
    const { endpoint } = attempt;
    const { protocol, host } = new URL(endpoint.baseUrl);
    if (protocol === "http:" && confirmedTls.has(host)) continue;
    try {
      return await attempt.run();
    } catch (error) {
      throwIfAborted(options.signal);
      if (protocol === "https:" && attempt.answered()) confirmedTls.add(host);
      errors.add({ endpoint, error, answered: attempt.answered() });
      const judgement = judge(error, endpoint);
      if (!judgement.next) break;
      options.onFallback?.(endpoint, error, judgement);
    }
  }
  throw (
    errors.toThrow() ??
    new ErrNotFound(`no endpoints found for ${options.familiar}`, { reference: options.familiar })
  );
}
