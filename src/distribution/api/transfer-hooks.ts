import type { Digest } from "../../digest/digest.ts";

/** One attempt at moving a content, for all who want it. */
export interface Transfer {
  /** Absent for a layer of version 1, of which it is known only when all is there. */
  readonly digest: Digest | undefined;
  readonly mediaType: string | undefined;
  /** Size in bytes, of the whole; absent where nobody knows it. */
  readonly size: number | undefined;
  readonly direction: "down" | "up";
  /** Origin of the endpoint that it comes from, or goes to. */
  readonly endpoint: string;
}

/** What came of an attempt. */
export interface TransferOutcome {
  /** Bytes of the whole that are where they were to go; those of earlier attempts are among them. */
  readonly bytes: number;
  /** Why it failed: another attempt, or another endpoint, may follow. Absent: it did not. */
  readonly error?: unknown;
}

/** What an embedder is given when it is asked. */
export interface TransferContext {
  /** Fires when nobody wants the content any more. */
  readonly signal: AbortSignal;
}

/** What is called around each transfer. A transfer that several calls share is told once. */
export interface TransferHooks {
  /**
   * Called before the first byte of an attempt is asked for or sent; not for what is there already. A promise delays it; when that takes
   * long it gives its slot back, as long as not too many do. Throwing, rejecting or giving `false` refuses it: all who want it get `ErrPermissionDenied`, whose cause is what was thrown,
   * and no other attempt or endpoint follows.
   * @defaultValue every transfer begins at once
   * @example before: ({ size = 0 }) => size < 10_000_000_000
   */
  readonly before?: ((transfer: Transfer, context: TransferContext) => unknown) | undefined;
  /**
   * Called when an attempt has ended that `before` let begin. It is not waited for, and what it throws is a warning in the log.
   * @defaultValue nobody is told
   * @example after: ({ digest, endpoint }, { bytes, error }) => console.log(digest, endpoint, bytes, error)
   */
  readonly after?: ((transfer: Transfer, outcome: TransferOutcome) => unknown) | undefined;
}
