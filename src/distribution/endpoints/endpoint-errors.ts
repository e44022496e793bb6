import { messageOf } from "../../errors/message-of.ts";
import { findError, isNoSupport } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { Endpoint } from "../../registry/endpoints/endpoint.ts";

/** A failure at one endpoint. */
interface Failure {
  readonly endpoint: Endpoint;
  readonly error: unknown;
  /** Whether the endpoint gave any HTTP answer. */
  readonly answered: boolean;
}

/**
 * The failures of several endpoints, as moby collects them: an `ErrNoSupport` is kept while every error so far was one, also
 * when an error of another kind follows; one that comes after another kind is dropped. A failure to speak TLS with a host
 * that then answered over plain HTTP counts as no reason: it is kept in `errors` and not shown.
 */
export class EndpointErrors {
  readonly #kept: Failure[] = [];

  /** Takes the next failure, in the order in which the endpoints were tried. */
  add(failure: Failure): void {
    const all = [...this.#kept, failure];
    const reasons = this.#kept.filter((each) => !all.some((other) => isSilencedBy(other, each)));
    if (isNoSupport(failure.error) && reasons.some(({ error }) => !isNoSupport(error))) return;
    this.#kept.push(failure);
  }

  /**
   * What to throw: the one error as it is; of several an error of the last one's class, with the messages line by line and
   * every kept error in `errors`. `undefined` when nothing was added.
   */
  toThrow(): unknown {
    const last = this.#kept.at(-1)?.error;
    const found = findError(last);
    if (this.#kept.length < 2 || !found) return last;
    const shown = this.#kept.filter((each) => !this.#kept.some((other) => isSilencedBy(other, each)));
    const messages = shown.map(({ error }) => messageOf(error));
    return withMessage(found, messages.join("\n"), { errors: this.#kept.map(({ error }) => error) });
  }
}

/** Whether `tls` is a failure to speak TLS with a host that answered over plain HTTP before it failed as `plain` says. */
function isSilencedBy(plain: Failure, tls: Failure): boolean {
  return isPlainTwin(plain.endpoint, tls.endpoint) && plain.answered && !tls.answered;
}

/** Whether `plain` is the same host as `tls`, asked over plain HTTP. */
export function isPlainTwin(plain: Endpoint, tls: Endpoint): boolean {
  const [at, twin] = [new URL(plain.baseUrl), new URL(tls.baseUrl)];
  return at.protocol === "http:" && twin.protocol === "https:" && at.host === twin.host;
}
