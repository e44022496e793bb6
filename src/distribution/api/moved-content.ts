import type { Digest } from "../../digest/digest.ts";

/** What an endpoint brought of one content. */
export interface ServedContent {
  readonly digest: Digest;
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** How many of its bytes came from there. */
  readonly bytes: number;
}

/** What an endpoint took of a push, and did not have before. */
export interface TakenContent {
  readonly digest: Digest;
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** Whether its bytes were sent, or the registry took it from another of its repositories. */
  readonly how: "uploaded" | "mounted";
  /** Path of that repository. */
  readonly from?: string | undefined;
}
