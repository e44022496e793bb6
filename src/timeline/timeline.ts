/**
 * What went on in a span: `wait` the item was waited for, whatever of it is told besides (a slot, another process, a pause, somebody
 * else's transfer); `line` a request stood in line for a socket; `dns`, `connect` (TCP, and a proxy's tunnel) and `tls` its connection
 * was made; `token` it waited for credentials or a token; `request` it was on its way until its answer began; `bytes` the content came;
 * `verify` the rest was hashed, written out and given its name; `unpack` entries of the layer were made; `register` it got its place.
 */
export type TimelinePhase =
  | "wait"
  | "line"
  | "dns"
  | "connect"
  | "tls"
  | "token"
  | "request"
  | "bytes"
  | "verify"
  | "unpack"
  | "register";

/** Something that took its time. Times are milliseconds since the recording began. */
export interface TimelineSpan {
  readonly phase: TimelinePhase;
  readonly startMs: number;
  readonly endMs: number;
  /** Origin of whoever was asked. */
  readonly endpoint?: string | undefined;
  /** Method and URL of the request, the values of its query hidden. */
  readonly request?: string | undefined;
  /** Status of its answer. */
  readonly status?: number | undefined;
  /** Bytes of the whole that were there at the end of `bytes`. */
  readonly bytes?: number | undefined;
  /** For how long these were hashed, in whichever thread, in milliseconds; what is left of it is in `verify`. */
  readonly hashMs?: number | undefined;
  /** The same of writing. */
  readonly writeMs?: number | undefined;
  /** Why it failed, in words. */
  readonly failure?: string | undefined;
}

/**
 * One line of a timeline: what a `name` means, a `token` of one server, a `content`, or work that somebody else had begun before the
 * recording (`shared`), of which no more is known.
 */
export interface TimelineItem {
  readonly kind: "name" | "token" | "content" | "shared";
  /** The reference, the server, the digest, or the key of the transfer. */
  readonly name: string;
  readonly mediaType?: string | undefined;
  /** Size in bytes. */
  readonly size?: number | undefined;
  /** In the order in which they began. */
  readonly spans: readonly TimelineSpan[];
}

/** A pull or a push that was recorded. */
export interface TimelineOperation {
  readonly verb: "pull" | "push";
  /** As the caller gave it, but for a user and a password in it. */
  readonly reference: string;
  /** Its id in log and traces. */
  readonly operation: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Why it failed, in words. */
  readonly failure?: string | undefined;
}

/** What was recorded of some work. Plain data, made to be written as JSON. */
export interface Timeline {
  readonly version: 1;
  /** When the recording began, by the clock of the machine (RFC 3339). */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly operations: readonly TimelineOperation[];
  /** In the order in which they began. */
  readonly items: readonly TimelineItem[];
  /** How many records there was no room for. */
  readonly omitted: number;
}
