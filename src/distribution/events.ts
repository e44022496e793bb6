import type { ImageEvents } from "../images/image-store.ts";
import type { RateLimit } from "../registry/http/rate-limit.ts";
import type { RegistryWarning } from "../registry/http/with-notices.ts";

/** An endpoint was passed over for the next one. */
export interface FallbackEvent {
  /** The reference in full form. */
  readonly reference: string;
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** Why. */
  readonly error: unknown;
}

/** What an engine tells while it works, for eventemitter3. */
export interface DistributionEvents extends ImageEvents {
  fallback: [event: FallbackEvent];
  rateLimit: [limit: RateLimit];
  warning: [warning: RegistryWarning];
}
