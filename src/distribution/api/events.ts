import type { Digest } from "../../digest/digest.ts";
import type { ImageEvents } from "../../images/image-store.ts";
import type { RateLimit } from "../../registry/http/rate-limit.ts";
import type { RegistryWarning } from "../../registry/http/with-notices.ts";
import type { HostBudgetChange } from "../../registry/transport/pool-options.ts";
import type { ServedContent, TakenContent } from "./moved-content.ts";
import type { Verb } from "./verbs.ts";

/** An endpoint was passed over for the next one. */
export interface FallbackEvent {
  /** The reference in full form. */
  readonly reference: string;
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** Why. */
  readonly error: unknown;
}

/** An endpoint brought a content, or a part of it: once for each attempt that did, whoever waits for it. */
export interface ServedEvent extends Omit<ServedContent, "digest"> {
  /** Absent for a layer of version 1, of which it is known only when all is there. */
  readonly digest: Digest | undefined;
}

/** This host cannot make all that layers may have; told once, before the first one is unpacked. */
export interface LackingEvent {
  /** What is left out, in words: `devices`. What of an image that was is in its warnings. */
  readonly lacking: readonly string[];
}

/** A call of the engine failed, or was ended by its caller; told before that one learns it. */
export interface FailedEvent {
  /** The method of the engine. */
  readonly verb: Verb;
  /** The names, paths and other texts that it was given, in their order and without user and password. */
  readonly subjects: readonly string[];
  /** What it rejects with. */
  readonly error: unknown;
}

/** What an engine tells while it works, for eventemitter3. */
export interface DistributionEvents extends ImageEvents {
  fallback: [event: FallbackEvent];
  served: [event: ServedEvent];
  taken: [event: TakenContent];
  rateLimit: [limit: RateLimit];
  warning: [warning: RegistryWarning];
  lacking: [event: LackingEvent];
  budget: [change: HostBudgetChange];
  failed: [event: FailedEvent];
}
