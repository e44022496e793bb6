import { throwIfAborted } from "../async/abort.ts";
import { ErrNotFound } from "../errors/classes.ts";
import { findError, isNoSupport } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Endpoint } from "../registry/endpoints/endpoint.ts";
import { shouldFallBack } from "./fallback.ts";

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
  /** Told about every endpoint that is given up. */
  readonly onFallback?: ((endpoint: Endpoint, error: unknown) => void) | undefined;
}

/**
 * Tries the endpoints in order until one succeeds (moby `distribution.Pull`). Plain HTTP is not tried once
 * TLS worked for that host; nothing is tried after cancellation. An `ErrNoSupport` is kept only while every error so far
 * was one; what is thrown in the end has the class of the last kept error, their messages line by line, and all of them in
 * `errors`.
 */
export async function tryEndpoints<T>(
  attempts: readonly EndpointAttempt<T>[],
  options: EndpointLoopOptions,
): Promise<T> {
  const confirmedTls = new Set<string>();
  let kept: unknown[] = [];
  for (const attempt of attempts) {
    const { protocol, host } = new URL(attempt.endpoint.baseUrl);
    if (protocol === "http:" && confirmedTls.has(host)) continue;
    try {
      return await attempt.run();
    } catch (error) {
      throwIfAborted(options.signal);
      if (protocol === "https:" && attempt.answered()) confirmedTls.add(host);
      kept = keep(kept, error);
      if (!shouldFallBack(error, attempt.endpoint)) break;
      options.onFallback?.(attempt.endpoint, error);
    }
  }
  throw (
    joined(kept) ??
    new ErrNotFound(`no endpoints found for ${options.familiar}`, { reference: options.familiar })
  );
}

/** An endpoint that supports nothing says nothing: better reasons, earlier or later, displace it. */
function keep(kept: readonly unknown[], error: unknown): unknown[] {
  if (!isNoSupport(error)) return [...kept.filter((earlier) => !isNoSupport(earlier)), error];
  return kept.every(isNoSupport) ? [...kept, error] : [...kept];
}

function joined(errors: readonly unknown[]): unknown {
  const last = errors.at(-1);
  const found = findError(last);
  if (errors.length < 2 || !found) return last;
  const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  return withMessage(found, messages.join("\n"), { errors });
}
