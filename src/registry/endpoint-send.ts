import type { Clock } from "../async/clock.ts";
import type { Authorizer } from "./auth/authorizer.ts";
import { withAuth } from "./auth/with-auth.ts";
import type { CredentialSource } from "./credentials/credentials.ts";
import type { Endpoint } from "./endpoints/endpoint.ts";
import type { HostTrust } from "./endpoints/host-trust.ts";
import type { Send } from "./http/send.ts";
import { withRedirect } from "./http/with-redirect.ts";
import { Identities } from "./identities.ts";

/** What a `Send` for one endpoint is made of. */
export interface EndpointSendOptions {
  /**
   * What is asked.
   * @example endpoint
   */
  readonly endpoint: Endpoint;
  /**
   * Asked at the first challenge of the endpoint, for its `credentialHost`.
   * @example credentials: anonymous
   */
  readonly credentials: CredentialSource;
  /**
   * Throttled, shared by all endpoints: `withThrottle(transport.send)`.
   * @example send: withThrottle(send)
   */
  readonly send: Send;
  /**
   * What is configured about the hosts of token servers.
   * @defaultValue nothing, only loopback hosts are insecure
   * @example trust: hostTrust({ insecureRegistries: ["registry.internal:5000"] })
   */
  readonly trust?: HostTrust | undefined;
  /**
   * Tells until when a token is good.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
}

/** A `Send` for one endpoint that shares nothing with others. */
export function endpointSend({ endpoint, send, ...options }: EndpointSendOptions): Send {
  return authorizedSend(send, new Identities({ ...options, send }).at(endpoint).authorizer);
}

/**
 * The one order in which the wrappers are right: each hop of a redirect is authorized anew, so that a hop
 * away from the endpoint goes without; a token request is a request of its own, throttled like all others.
 */
export function authorizedSend(send: Send, authorizer: Authorizer): Send {
  return withRedirect(withAuth(send, authorizer));
}
