import { codeOf } from "../../errors/code-of.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { HttpRequest, HttpResponse, Send } from "../../registry/http/send.ts";
import { originOfUrl } from "../../registry/http/url-origin.ts";
import type { EndpointHealth } from "./endpoint-health.ts";

/**
 * What else a walk has than one endpoint: nothing, endpoints that are ill or did not do, or others that may well do better. An
 * endpoint without better ones is asked with all patience, whatever is known of it.
 */
export type Alternatives = "none" | "worse" | "better";

/** Whose health is watched. */
export interface WatchOptions {
  readonly health: EndpointHealth;
  /** Origin of the endpoint; requests to other ones pass unwatched. */
  readonly origin: string;
  readonly alternatives: Alternatives;
}

/** Codes of Node and undici that say that an answer took too long: asking once more would take as long. */
const SILENCE: ReadonlySet<unknown> = new Set(["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT"]);

/** Codes of failures that are this machine's own. */
const OWN_TROUBLE: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENETDOWN", "EADDRNOTAVAIL"]);

/**
 * `send` that notes whether an endpoint can be reached. Where a walk has better endpoints, a request is not sent to one that
 * cannot be (`ErrUnavailable` with `notSent`, see `EndpointHealth.contact`), and is not repeated when it could not be.
 */
export function withHealth(send: Send, { health, origin, alternatives }: WatchOptions): Send {
  if (alternatives === "none") return send;
  const hurries = alternatives === "better";

  const watched = async (request: HttpRequest, onReached: () => void): Promise<HttpResponse> => {
    let connected = false;
    const onConnected = (): void => {
      connected = true;
      health.reached(origin);
      onReached();
    };
    try {
      const response = await send({ ...request, onConnected });
      health.reached(origin);
      return response;
    } catch (error) {
      const why = request.signal?.aborted ? undefined : unreachable(error, connected);
      if (why === undefined) throw error;
      await health.failed(origin, { unreachable: true, why });
      throw hurries ? final(error) : error;
    }
  };

  return async (request) => {
    if (originOfUrl(request.url) !== origin) return await send(request);
    const release = hurries ? await health.contact(origin, request) : () => {};
    try {
      return await watched(request, release);
    } finally {
      release();
    }
  };
}

/** What kept a request from getting through, if that is what happened. */
function unreachable(error: unknown, connected: boolean): string | undefined {
  const found = findError(error);
  if (found?.code !== "ERR_UNAVAILABLE" || found.notSent || found.httpStatus !== undefined) return undefined;
  const code = codeOf(found.cause);
  if (OWN_TROUBLE.has(code)) return undefined;
  return !connected || SILENCE.has(code) ? found.message : undefined;
}

/** A failure that is not repeated, because the next endpoint is the better second attempt. */
export function final(error: unknown): unknown {
  const found = findError(error);
  return found ? withMessage(found, found.message, { retryable: false }) : error;
}
