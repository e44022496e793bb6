import type { Clock } from "../async/clock.ts";
import { createAuthorizer } from "./auth/authorizer.ts";
import { withAuth } from "./auth/with-auth.ts";
import type { CredentialSource } from "./credentials/credentials.ts";
import type { Endpoint } from "./endpoints/endpoint.ts";
import type { Send } from "./http/send.ts";
import { withRedirect } from "./http/with-redirect.ts";

/** What a `Send` for one endpoint is made of. */
export interface EndpointSendOptions {
  readonly endpoint: Endpoint;
  /** Asked at the first challenge of the endpoint, for its `credentialHost`. */
  readonly credentials: CredentialSource;
  /** Throttled, shared by all endpoints: `withThrottle(transport.send)`. */
  readonly send: Send;
  readonly clock?: Clock | undefined;
}

/**
 * The one order in which the wrappers are right: each hop of a redirect is authorized anew, so that a hop away from
 * the endpoint goes without; a token request is a request of its own, throttled like all others.
 */
export function endpointSend({ endpoint, credentials, send, clock }: EndpointSendOptions): Send {
  const authorizer = createAuthorizer({ endpoint, credentials, send: withRedirect(send), clock });
  return withRedirect(withAuth(send, authorizer));
}
