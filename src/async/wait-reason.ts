/**
 * What is waited for: `retry` another attempt after a failure, `pause` a host that has asked to be left alone, `slot` a turn among the
 * transfers of this engine, `foreground` transfers that go first, `host` an answer, `connection` a socket, `credentials` and
 * `authorization` who may ask, `process` another process, `removals` and `work` others at this data root, `names` changes of its names,
 * `thread` one that unpacks, `layer` the layer below, `other` anything else.
 */
export type WaitCode =
  | "retry"
  | "pause"
  | "slot"
  | "foreground"
  | "host"
  | "connection"
  | "credentials"
  | "authorization"
  | "process"
  | "removals"
  | "work"
  | "names"
  | "thread"
  | "layer"
  | "other";

/** Why somebody waits, for programs and for people. */
export interface WaitReason {
  readonly code: WaitCode;
  /** A status line for people, such as "Retrying in 3 seconds". */
  readonly words: string;
  /** How long the wait takes from now on, in milliseconds, where that is known. */
  readonly waitMs?: number | undefined;
  /** The number of the attempt that follows. */
  readonly attempt?: number | undefined;
  /** `code` of the error that led to it. */
  readonly errorCode?: string | undefined;
}

/** A reason as data, out of one that may be a mere line. */
export function asReason(reason: string | WaitReason): WaitReason {
  return typeof reason === "string" ? { code: "other", words: reason } : reason;
}
